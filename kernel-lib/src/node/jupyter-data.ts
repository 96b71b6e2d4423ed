import { homedir } from 'node:os';
import * as path from 'node:path';

/** The folder in which Jupyter keeps what belongs to a user, as jupyter_core finds it. */
export function jupyterData(env: NodeJS.ProcessEnv = process.env): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Jupyter');
  if (process.platform === 'win32')
    return path.join(env.APPDATA ?? path.join(homedir(), 'AppData', 'Roaming'), 'jupyter');
  return path.join(env.XDG_DATA_HOME || path.join(homedir(), '.local', 'share'), 'jupyter');
}

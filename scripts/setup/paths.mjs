// Where things lie. Everything that set-up and JupyterLab write stays inside the checkout.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this checkout. */
export const defaultRoot = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

/** The paths of the checkout at `root`. */
export function pathsOf(root, platform = process.platform) {
  const windows = platform === 'win32';
  const at = (...parts) => path.join(root, ...parts);
  const bin = (name) => at('.venv', windows ? 'Scripts' : 'bin', windows ? `${name}.exe` : name);
  return {
    root,
    cache: at('.cache'),
    state: at('.cache', 'setup'),
    modules: at('node_modules'),
    lock: at('package-lock.json'),
    requirements: at('scripts', 'requirements.txt'),
    venv: at('.venv'),
    venvPython: bin('python'),
    flashlab: at('kernel-lib', 'bin', 'flashlab.js'),
    labextension: at('labextension'),
    linkedExtension: at('.venv', 'share', 'jupyter', 'labextensions', 'jupyterlab-flashlab'),
    pageConfig: at('.venv', 'etc', 'jupyter', 'labconfig', 'page_config.json'),
    notebook: at('notebooks', '00-quickstart.ipynb'),
  };
}

/** The environment in which Jupyter reads and writes nothing of the user's own. */
export function jupyterEnvironment(paths, env = process.env) {
  const folder = path.join(paths.cache, 'jupyter');
  // IPython warns unless the parent of its folder is there.
  mkdirSync(folder, { recursive: true });
  const jupyter = (name) => path.join(folder, name);
  return {
    ...env,
    JUPYTER_CONFIG_DIR: jupyter('config'),
    JUPYTER_DATA_DIR: jupyter('data'),
    JUPYTER_RUNTIME_DIR: jupyter('runtime'),
    JUPYTERLAB_SETTINGS_DIR: jupyter('settings'),
    JUPYTERLAB_WORKSPACES_DIR: jupyter('workspaces'),
    IPYTHONDIR: jupyter('ipython'),
    JUPYTER_PREFER_ENV_PATH: '1',
    PYTHONNOUSERSITE: '1',
  };
}

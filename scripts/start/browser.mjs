import { spawn } from 'node:child_process';

/** The command that shows an address in this user's browser, or null where there is none to be seen. */
export function browserCommand(url, env = process.env, platform = process.platform) {
  if (platform === 'darwin') return ['open', url];
  if (platform === 'win32') return ['explorer.exe', url];
  if (env.BROWSER) return [env.BROWSER, url];
  // Without a display xdg-open would start a text browser in this terminal.
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open', url] : null;
}

/** Opens the address in the browser; resolves to whether a browser could be started. */
export function openBrowser(url) {
  const command = browserCommand(url);
  if (!command) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { stdio: 'ignore', detached: true });
    child.on('error', () => resolve(false));
    child.on('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}

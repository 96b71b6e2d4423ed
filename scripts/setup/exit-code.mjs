/** The exit code of a child process that lets its user see what it prints; rejects where it cannot start. */
export const exitCode = (child) =>
  new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });

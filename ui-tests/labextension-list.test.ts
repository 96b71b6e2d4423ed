import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { jupyterEnvironment, pathsOf } from '../scripts/setup/paths.mjs';

test('jupyter labextension list says that the extension is enabled and fits this JupyterLab', () => {
  const paths = pathsOf(path.resolve(__dirname, '..'));
  const list = spawnSync(paths.venvPython, ['-m', 'jupyterlab.labextensions', 'list'], {
    encoding: 'utf8',
    env: jupyterEnvironment(paths),
  });
  // The words are coloured.
  const text = `${list.stdout}${list.stderr}`.replace(/\x1b\[\d+m/g, '');
  expect(text).toMatch(/jupyterlab-flashlab v\S+ enabled OK/);
});

// Makes the checkout's Python package known to the environment, as an editable install would: JupyterLab finds our
// translations by its entry point. Written here because pip would first have to fetch a build backend.
import { existsSync, readdirSync, readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const NAME = 'jupyterlab_flashlab';

/** Where the environment's packages lie. */
function sitePackages({ venv }, platform) {
  if (platform === 'win32') return path.join(venv, 'Lib', 'site-packages');
  const lib = path.join(venv, 'lib');
  const python = readdirSync(lib).find((name) => name.startsWith('python3'));
  if (!python) throw new Error(`There is no Python in ${lib}.`);
  return path.join(lib, python, 'site-packages');
}

/** The files to write, by their names in site-packages. */
function filesOf({ root }) {
  const sources = path.join(root, 'extension', 'python');
  const [, version] = /__version__ = "(.+)"/.exec(readFileSync(path.join(sources, NAME, '__init__.py'), 'utf8'));
  const info = `${NAME}-${version}.dist-info`;
  const files = {
    [`${NAME}.pth`]: `${sources}\n`,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${NAME}\nVersion: ${version}\n`,
    [`${info}/INSTALLER`]: 'npm\n',
    [`${info}/entry_points.txt`]: `[jupyterlab.locale]\n${NAME} = ${NAME}\n`,
  };
  // By this list pip can take the package away again.
  const record = `${info}/RECORD`;
  return { ...files, [record]: `${[...Object.keys(files), record].map((file) => `${file},,`).join('\n')}\n` };
}

export function packageLinked(paths, platform = process.platform) {
  if (!existsSync(paths.venvPython)) return false;
  const site = sitePackages(paths, platform);
  return Object.entries(filesOf(paths)).every(([name, text]) => {
    const file = path.join(site, name);
    return existsSync(file) && readFileSync(file, 'utf8') === text;
  });
}

export function linkPackage(paths, platform = process.platform) {
  const site = sitePackages(paths, platform);
  for (const [name, text] of Object.entries(filesOf(paths))) {
    const file = path.join(site, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

// npm run build:wheel: the Python wheel, .cache/wheel/dist/jupyterlab_flashlab-*.whl, of what `npm run build` has built: the
// extension, the kernelspec, the course, and the notebook kernel without its npm packages, which extension/python fetches by a lock file.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { defaultRoot as root, pathsOf } from './setup/paths.mjs';

const stage = path.join(root, '.cache', 'wheel');
const kernel = path.join(stage, 'node_kernel');
const spec = path.join(stage, 'kernelspec');
const lib = path.join(root, 'kernel-lib');
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const write = (file, content) => writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`);

rmSync(stage, { recursive: true, force: true });
mkdirSync(kernel, { recursive: true });
mkdirSync(spec, { recursive: true });
for (const part of ['bin', 'dist']) cpSync(path.join(lib, part), path.join(kernel, part), { recursive: true });
// `flashlab course` copies them from there.
for (const file of filesOfCourse()) cpSync(path.join(root, file), path.join(kernel, file));
const { devDependencies: _, scripts: __, ...manifest } = read(path.join(lib, 'package.json'));
write(path.join(kernel, 'package.json'), manifest);
write(path.join(kernel, 'package-lock.json'), lockOf(manifest, read(path.join(root, 'package-lock.json')).packages));
// Where the kernel is laid out is named by what is in it: one that was built anew, of the same version, is another one.
writeFileSync(path.join(kernel, 'digest'), digestOf(kernel));
write(path.join(spec, 'kernel.json'), {
  argv: ['python', '-m', 'jupyterlab_flashlab', 'kernel', '{connection_file}'],
  display_name: 'TypeScript (FlashLab)',
  language: 'typescript',
  interrupt_mode: 'message',
});
cpSync(path.join(lib, 'bin', 'logo-svg.svg'), path.join(spec, 'logo-svg.svg'));

const pip = [
  '-m',
  'pip',
  'wheel',
  '--disable-pip-version-check',
  '--quiet',
  '--no-deps',
  '-w',
  path.join(stage, 'dist'),
  '.',
];
const { status, error } = spawnSync(pathsOf(root).venvPython, pip, { cwd: root, stdio: 'inherit' });
if (error) console.error(`build:wheel: ${error.message}; \`npm start -- --no-browser\` makes the environment.`);
process.exitCode = status ?? 1;

/** The files of the course, without what who serves the folder has left there. */
function filesOfCourse() {
  const { status, stdout } = spawnSync('git', ['ls-files', '-z', 'notebooks'], { cwd: root, encoding: 'utf8' });
  if (status === 0) return stdout.split('\0').filter(Boolean);
  const all = readdirSync(path.join(root, 'notebooks'), { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

function digestOf(folder) {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files.map(({ parentPath, name }) => path.join(parentPath, name)).sort()) {
    hash.update(`${path.relative(folder, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 12);
}

/** The part of the workspace's lock file that the packages of `manifest` need. */
function lockOf({ name, version, license, bin, engines, dependencies }, packages) {
  const kept = {};
  const add = (from, dependency) => {
    // As Node finds it: beside the package that wants it, else further out.
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules')))) {
      const at = `${folder === '' ? '' : `${folder}/`}node_modules/${dependency}`;
      if (at in kept) return true;
      if (at in packages) {
        const { dev: _dev, ...entry } = packages[at];
        kept[at] = entry;
        for (const next of Object.keys(entry.dependencies ?? {})) require(at, next);
        for (const next of Object.keys({ ...entry.optionalDependencies, ...entry.peerDependencies })) add(at, next);
        return true;
      }
      if (folder === '') return false;
    }
  };
  const require = (from, dependency) => {
    if (!add(from, dependency))
      throw new Error(`${dependency}, which ${from || name} needs, is not in package-lock.json`);
  };
  for (const dependency of Object.keys(dependencies)) require('', dependency);
  const sorted = Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
  const top = { name, version, license, dependencies, bin, engines };
  return { name, version, lockfileVersion: 3, requires: true, packages: { '': top, ...sorted } };
}

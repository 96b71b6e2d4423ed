// The set-up that `npm start` and `npm test` share: ordered steps, each done only when its inputs changed. Runs before
// node_modules exists, so only what is built into Node may be imported here.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, readStamp } from './fingerprint.mjs';
import { holdLock } from './hold-lock.mjs';
import { installPackages, packagesInstalled } from './npm.mjs';
import { defaultRoot, pathsOf } from './paths.mjs';
import { linkPackage, packageLinked } from './python-package.mjs';
import { runSteps, secondsSince } from './run-steps.mjs';
import { runTool } from './run-tool.mjs';
import { checkNode, findPython } from './tools.mjs';
import { extensionLinked, installKernel, linkExtension, makeVenv } from './venv.mjs';

/** The steps in order, as runSteps takes them. */
function stepsOf(paths, python) {
  const { root, state } = paths;
  const log = (name) => path.join(state, `${name}.log`);
  const node = (label, name, script) => runTool(label, process.execPath, script, { cwd: root, log: log(name) });
  const compiler = path.join('node_modules', 'typescript', 'bin', 'tsc');
  const builder = path.join('node_modules', '@jupyter', 'builder', 'lib', 'build-labextension.js');
  const core = path.join('node_modules', '@jupyterlab', 'core-meta', 'core.package.json');
  const kernelInputs = ['kernel-lib/src', 'kernel-lib/bin', 'kernel-lib/package.json', 'kernel-lib/tsconfig.json'];
  kernelInputs.push('scripts/build-kernel-lib.mjs', 'package-lock.json');
  const extensionInputs = ['extension', 'style', 'schema', 'package.json', 'tsconfig.json', 'package-lock.json'];
  return [
    {
      name: 'npm-packages',
      what: 'npm packages (npm ci)',
      // npm keeps its own account of what it finished, so an `npm ci` made by hand counts too.
      present: () => packagesInstalled(paths),
      run: () => installPackages(paths, log('npm-packages')),
    },
    {
      name: 'kernel-lib',
      what: 'build the attention library and the kernel',
      key: () => fingerprint(root, kernelInputs),
      present: () => existsSync(path.join(root, 'kernel-lib', 'dist', 'browser.mjs')),
      run: () => node('build of kernel-lib', 'kernel-lib', [path.join('scripts', 'build-kernel-lib.mjs')]),
    },
    {
      name: 'extension',
      what: 'build the JupyterLab extension',
      key: () => fingerprint(root, extensionInputs),
      present: () => existsSync(path.join(paths.labextension, 'package.json')),
      run: async () => {
        await node('build of the extension (types)', 'extension-types', [compiler]);
        await node('build of the extension', 'extension', [builder, '--core-package-file', core, '.']);
      },
    },
    {
      name: 'python',
      what: 'Python environment .venv with JupyterLab',
      // A moved checkout or another Python invalidates the absolute paths inside an environment.
      key: () => fingerprint(root, ['scripts/requirements.txt'], [root, python.path, python.version]),
      present: () => existsSync(paths.venvPython),
      run: () => makeVenv(paths, python.path, log('python')),
    },
    {
      name: 'kernel',
      what: 'install the notebook kernel into .venv',
      key: () => fingerprint(root, kernelInputs, [root, process.execPath, readStamp(state, 'python') ?? '']),
      present: () => existsSync(path.join(paths.venv, 'share', 'jupyter', 'kernels', 'flashlab', 'kernel.json')),
      run: () => installKernel(paths, log('kernel')),
    },
    {
      name: 'link',
      what: 'install the extension into .venv',
      key: () => fingerprint(root, extensionInputs, [root, readStamp(state, 'python') ?? '']),
      present: () => extensionLinked(paths) && packageLinked(paths),
      run: async () => {
        linkExtension(paths);
        linkPackage(paths);
      },
    },
  ];
}

/**
 * Does what is missing of the set-up, telling each step and its time.
 * @param say receives the text to show
 * @returns the paths of the checkout
 */
export async function setUp({ root = defaultRoot, say = (text) => process.stdout.write(text) } = {}) {
  const began = performance.now();
  checkNode();
  const paths = pathsOf(root);
  const python = findPython();
  const release = holdLock(paths.state);
  try {
    await runSteps(stepsOf(paths, python), paths.state, say);
  } finally {
    release();
  }
  say(`Set-up is complete (${secondsSince(began)}).\n`);
  return paths;
}

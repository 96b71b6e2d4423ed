// NVIDIA's compiler of CUDA, which needs no GPU: kernels come to it as CUDA C++ (cuda.mjs). How the driver compiles WGSL is not known, but the last
// steps, from which registers and order come, are of one house. Its packages of Python's registry (130 MB) are installed once, into the cache.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { toCuda } from './cuda.mjs';
import { turnsOf } from './loops.mjs';
import { run } from '../run.mjs';

const require = createRequire(import.meta.url);
const here = path.dirname(fileURLToPath(import.meta.url));
const VERSION = '13.5.37';
const PACKAGES = ['cuda-nvcc', 'nvvm', 'cuda-crt', 'cuda-runtime', 'cuda-nvdisasm'];

function install() {
  const { cacheFolder } = require('../../kernel-lib/dist/cjs/node/swiftshader.js');
  const folder = path.join(cacheFolder(), `cuda-${VERSION}`);
  const cuda = path.join(folder, 'nvidia', 'cu13');
  if (!existsSync(path.join(cuda, 'bin', 'nvdisasm'))) {
    const packages = PACKAGES.map((name) => `nvidia-${name}==${VERSION}`);
    const pip = ['-m', 'pip', 'install', '-q', '--no-deps', '--target', folder, '--upgrade', ...packages];
    run('python3', pip, { stdio: 'inherit' });
  }
  return cuda;
}

/**
 * @param files a folder for what it writes
 * @param arch which GPU: sm_90 is Hopper, as of an H200
 * @returns what compiles WGSL, as of openNvk
 */
export function openNvcc(files, arch) {
  const cuda = install();
  const bin = (name) => path.join(cuda, 'bin', name);
  const [source, binary] = ['kernel.cu', 'kernel.cubin'].map((name) => path.join(files, name));
  const flags = [
    '-std=c++17',
    `-arch=${arch}`,
    '-cubin',
    '-Xptxas',
    '-v',
    '-I',
    here,
    '-I',
    path.join(cuda, 'include'),
  ];
  return (code) => {
    writeFileSync(source, toCuda(code));
    const told = run(bin('nvcc'), [...flags, '-o', binary, source]).stderr;
    const number = (pattern) => Number(pattern.exec(told)[1]);
    return {
      registers: number(/Used (\d+) registers/),
      spills: number(/(\d+) bytes spill stores/) / 4,
      turns: turnsOf(blocksOf(run(bin('nvdisasm'), ['-c', binary]).stdout)),
    };
  };
}

/** Reads machine code as nvdisasm prints it: a block ends before a label and after a branch. */
function blocksOf(text) {
  const blocks = [{ operations: [], to: [], falls: true }];
  const labels = new Map();
  const begin = () => blocks.push({ operations: [], to: [], falls: true });
  for (const line of text.split('\n')) {
    const label = /^(\.L_x_\d+):/.exec(line);
    if (label) {
      if (blocks.at(-1).operations.length > 0) begin();
      labels.set(label[1], blocks.length - 1);
    }
    const found = /^\s+\/\*[0-9a-f]+\*\/\s+(@!?U?P\w+\s+)?([A-Z][\w.]*)(.*)$/.exec(line);
    if (!found) continue;
    const [, guard, name, operands] = found;
    const block = blocks.at(-1);
    block.operations.push(operationOf(name));
    if (!/^(BRA|EXIT)\b/.test(name)) continue;
    // A condition stands before the branch or is the first of its operands.
    block.falls = guard !== undefined || /^\s*!?U?P\w+,/.test(operands);
    if (name.startsWith('BRA')) block.to.push(/\((\.L_x_\d+)\)/.exec(operands)[1]);
    begin();
  }
  return blocks.map(({ operations, to, falls }, n) => ({
    operations,
    next: [...(falls && n + 1 < blocks.length ? [n + 1] : []), ...to.map((label) => labels.get(label))],
  }));
}

const MEMORIES = {
  LDG: 'ld.global',
  STG: 'st.global',
  LDS: 'ld.shared',
  STS: 'st.shared',
  LDL: 'ld.local',
  STL: 'st.local',
};

/** `LDS.U.128` is an ld.shared.128, `HMMA.16816.F32` an hmma. */
function operationOf(name) {
  const [first, ...rest] = name.split('.');
  if (first === 'LDSM') return `ldsm.${/\d$/.exec(name)?.[0] ?? '1'}`;
  const memory = MEMORIES[first];
  return memory ? `${memory}.${rest.find((part) => part === '64' || part === '128') ?? '32'}` : first.toLowerCase();
}

/** Cycles in which workgroup memory passes 128 bytes, for 32 lanes, if no two of them want the same bank. */
const PASSES = { 'ld.shared.32': 1, 'ld.shared.64': 2, 'ld.shared.128': 4, 'ldsm.1': 1, 'ldsm.2': 2, 'ldsm.4': 4 };

/** Passes of workgroup memory that a warp's operations take at the least. */
export const memoryPasses = (operations) =>
  Object.entries(operations).reduce((sum, [name, n]) => sum + n * (PASSES[name.replace('st.', 'ld.')] ?? 0), 0);

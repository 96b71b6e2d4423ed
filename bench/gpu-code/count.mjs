// npm run bench:gpu-code: what compilers for NVIDIA GPUs make of the library's kernels, on a machine without such a GPU. It needs the build.
//   -- --compiler nvk   Mesa's (nvk.mjs): of WGSL itself; a C compiler and, the first time, root (scripts/mesa-26 unpacks Mesa 26)
//   -- --compiler nvcc  NVIDIA's (nvcc.mjs): of CUDA C++ with the same words; a C++ compiler, Python and, the first time, 130 MB; --arch sm_90
// The driver's own compiler is another: the counts tell kernels from one another, and what bounds them, not how fast they are.
//   -- --dim 64,128 --dtype f16,f32 --rounds false --tuned '{"dq D64 Dv64 f16 matrices": {…}}' --json
//   -- --queries 1 --heads 32 --kv-heads 8
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { kernelsOf } from './kernels.mjs';
import { memoryPasses, openNvcc } from './nvcc.mjs';
import { openNvk } from './nvk.mjs';

const { values } = parseArgs({
  options: {
    compiler: { type: 'string', default: 'nvk' },
    arch: { type: 'string', default: 'sm_90' },
    dim: { type: 'string', default: '64,128' },
    dtype: { type: 'string', default: 'f16' },
    rounds: { type: 'string', default: 'true' },
    tuned: { type: 'string', default: '{}' },
    queries: { type: 'string', default: '4096' },
    heads: { type: 'string', default: '8' },
    'kv-heads': { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
const require = createRequire(import.meta.url);
const files = mkdtempSync(path.join(tmpdir(), 'gpu-code-'));

/** A kernel in two lines and more: what it takes of a multiprocessor, and the operations of its loops. */
function describe({ label, dtype, D, tile, scores, registers, spills, turns }) {
  const lines = turns.map((operations) => {
    const all = Object.values(operations).reduce((a, b) => a + b, 0);
    const each = operations.hmma ? ` (${(all / scores).toFixed(1)} a score)` : '';
    const passes = memoryPasses(operations);
    const memory = passes > 0 ? `, ${passes} passes of workgroup memory` : '';
    const parts = Object.entries(operations).sort((a, b) => b[1] - a[1]);
    return `    a turn ${all}${each}${memory}: ${parts
      .slice(0, 20)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ')}`;
  });
  return [`${label} ${dtype} D ${D}, ${tile}: ${registers} registers, ${spills} words spilled`, ...lines].join('\n');
}

try {
  const compilers = { nvk: () => openNvk(files), nvcc: () => openNvcc(files, values.arch) };
  const open = compilers[values.compiler];
  if (!open) throw new Error(`--compiler: expected one of ${Object.keys(compilers).join()}, got ${values.compiler}`);
  const compile = open();
  const call = {
    rounds: values.rounds === 'true',
    tuned: JSON.parse(values.tuned),
    queries: Number(values.queries),
    heads: Number(values.heads),
    kvHeads: Number(values['kv-heads']),
  };
  for (const dtype of values.dtype.split(',')) {
    for (const D of values.dim.split(',').map(Number)) {
      for (const { code, ...kernel } of kernelsOf(require, { D, dtype, ...call })) {
        const row = { D, dtype, ...kernel, ...compile(code) };
        console.log(values.json ? JSON.stringify(row) : describe(row));
      }
    }
  }
} finally {
  rmSync(files, { recursive: true, force: true });
}

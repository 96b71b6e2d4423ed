// npm run bench:gpu-code: what Mesa's compiler for NVIDIA GPUs (NVK) makes of the library's kernels, on a machine without such a GPU.
// It needs the build, a C compiler and, the first time, root (scripts/mesa-26 unpacks Mesa 26). NVIDIA's own compiler is another: the counts tell kernels
// from one another, and what bounds them, not how fast they are.
//   -- --dim 64,128 --dtype f16,f32 --rounds false --tuned '{"dq D64 Dv64 f16 matrices": {…}}' --json
//   -- --queries 1 --heads 32 --kv-heads 8
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kernelsOf } from './kernels.mjs';
import { readListing } from './listing.mjs';

const { values } = parseArgs({
  options: {
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
const here = path.dirname(fileURLToPath(import.meta.url));
const mesa = path.join(here, '..', '..', 'scripts', 'mesa-26');
const files = mkdtempSync(path.join(tmpdir(), 'gpu-code-'));

function run(command, args, options = {}) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 30, ...options });
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}: ${stderr?.slice(-2000)}`);
  return stderr;
}

/** A kernel in two lines and more: what it takes of a multiprocessor, and the operations of its loops. */
function describe({ label, dtype, D, tile, scores, registers, spills, turns }) {
  const lines = turns.map((operations) => {
    const all = Object.values(operations).reduce((a, b) => a + b, 0);
    const each = operations.hmma ? ` (${(all / scores).toFixed(1)} a score)` : '';
    const parts = Object.entries(operations).sort((a, b) => b[1] - a[1]);
    return `    a turn ${all}${each}: ${parts
      .slice(0, 20)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ')}`;
  });
  return [`${label} ${dtype} D ${D}, ${tile}: ${registers} registers, ${spills} words spilled`, ...lines].join('\n');
}

try {
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
  const call = {
    rounds: values.rounds === 'true',
    tuned: JSON.parse(values.tuned),
    queries: Number(values.queries),
    heads: Number(values.heads),
    kvHeads: Number(values['kv-heads']),
  };
  const rows = [];
  for (const dtype of values.dtype.split(',')) {
    for (const D of values.dim.split(',').map(Number)) {
      for (const { code, ...kernel } of kernelsOf(require, { D, dtype, ...call })) {
        writeFileSync(file, code);
        rows.push({ D, dtype, ...kernel, ...readListing(run(mesa, [path.join(here, 'compile.mjs'), file], { env })) });
      }
    }
  }
  for (const row of rows) console.log(values.json ? JSON.stringify(row) : describe(row));
} finally {
  rmSync(files, { recursive: true, force: true });
}

// npm run bench:decode: one query of each head against a cache, on the GPU's clock, medians, with the rate at which keys and values were
// read beside the device's own copy. FLASH_ADAPTER chooses the adapter.
//   -- --seqs 4096 --dims 64 --heads 8 --kv-heads 8,2,1 --dtypes f32 --runs 20 --json
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const text = (value) => ({ type: 'string', default: value });
const { values } = parseArgs({
  options: {
    ...{ seqs: text('4096'), dims: text('64'), heads: text('8'), 'kv-heads': text('8,2,1'), dtypes: text('f32') },
    ...{ runs: text('20'), json: { type: 'boolean', default: false } },
  },
});
const numbers = (list) => list.split(',').map(Number);

const require = createRequire(new URL('../kernel-lib/package.json', import.meta.url));
const flash = require('./dist/cjs/node/index.js');
const { measureCeilings } = require('./dist/cjs/device/ceilings.js');
const { defaultDevice } = require('./dist/cjs/device/default-device.js');
const { median } = require('./dist/cjs/experiments/measure.js');

const device = await defaultDevice();
if (!device.info.timestamps) throw new Error(`${device.info.name} has no timestamps.`);
const { copyGBs } = await measureCeilings(device);
const BYTES = { f32: 4, f16: 2, i8: 1 };
if (!values.json) console.log(`${device.info.name}: copies ${copyGBs.toPrecision(3)} GB/s`);

/** The median time of a query in ms, and what ran. */
async function measure(q, cache, seq) {
  const times = [];
  let path = '';
  for (let run = -2; run < Number(values.runs); run++) {
    const { out, lse, info } = await flash.attentionWithKvCache(q, cache, { cacheSeqlens: seq });
    if (run >= 0) times.push(info.gpuMs);
    path = info.path;
    out.dispose();
    lse.dispose();
  }
  return { ms: median(times), path };
}

const heads = Number(values.heads);
const cases = values.dtypes
  .split(',')
  .flatMap((dtype) => numbers(values.dims).map((dim) => ({ dtype, dim })))
  .flatMap((c) => numbers(values.seqs).map((seq) => ({ ...c, seq })))
  .flatMap((c) => numbers(values['kv-heads']).map((kvHeads) => ({ ...c, kvHeads })));
for (const { dtype, dim, seq, kvHeads } of cases) {
  const q = flash.randn([1, 1, heads, dim], { dtype: dtype === 'f16' ? 'f16' : 'f32', seed: 1 });
  const cache = flash.kvCache({ batch: 1, kvHeads, seq, dim, dtype });
  const { ms, path } = await measure(q, cache, seq);
  const GBs = (2 * BYTES[dtype] * kvHeads * seq * dim) / ms / 1e6;
  const ofCopy = GBs / copyGBs;
  console.log(
    values.json
      ? JSON.stringify({ adapter: device.info.name, dtype, dim, seq, heads, kvHeads, ms, GBs, ofCopy, path })
      : `${dtype} D ${dim} N ${seq} H ${heads} Hk ${kvHeads}: ${ms.toPrecision(3)} ms, ${GBs.toPrecision(3)} GB/s, ` +
          `${Math.round(100 * ofCopy)} % of copy; ${path}`,
  );
  for (const tensor of [q, cache.k, cache.v, cache.kScales, cache.vScales]) tensor?.dispose();
}
process.exit();

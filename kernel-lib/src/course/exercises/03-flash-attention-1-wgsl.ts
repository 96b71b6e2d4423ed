import { wgsl } from '../../api/wgsl';
import { tensor } from '../../tensor/tensor';
import { wgslExercise } from '../definition';
import { drawCases } from '../draw';
import { tileLabel, type Tiles } from './03-flash-attention-1-tiles';
import { attendPlainly, largestScore, type Attended } from '../plain-attention';

/** What the reader writes, a part for each thing that can go wrong; all of it right here. */
const PARTS = {
  /** Keys that take part. */
  keys: 'keys',
  score: 's / sqrt(f32(d))',
  /** exp(m - m_new) of the row. */
  shrink: 'exp(m[i] - m_new)',
  grow: 'exp(m_tile - m_new)',
  /** What the old O is multiplied by. */
  old: 'shrink * l[i]',
  divided: '/ l_new',
  storeM: 'm[i] = m_new;',
};

const kernel = (changes: Partial<typeof PARTS> = {}): string => {
  const { keys, score, shrink, grow, old, divided, storeM } = { ...PARTS, ...changes };
  return `
override br = 32u;
override bc = 32u;
override d = 16u;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> o: array<f32>;
@group(0) @binding(4) var<storage, read_write> l: array<f32>;
@group(0) @binding(5) var<storage, read_write> m: array<f32>;

var<workgroup> tile_k: array<f32, bc * d>;
var<workgroup> tile_v: array<f32, bc * d>;
var<workgroup> tile_s: array<f32, br * bc>;

@compute @workgroup_size(br)
fn main(@builtin(local_invocation_index) t: u32) {
  let N = arrayLength(&q) / d;
  for (var i = t; i < N; i += br) { m[i] = -1e30; }
  for (var j0 = 0u; j0 < N; j0 += bc) {
    let keys = min(bc, N - j0);
    for (var e = t; e < keys * d; e += br) {
      tile_k[e] = k[j0 * d + e];
      tile_v[e] = v[j0 * d + e];
    }
    workgroupBarrier();
    for (var i0 = 0u; i0 < N; i0 += br) {
      let i = i0 + t;
      if (i < N) {
        var m_tile = -1e30;
        for (var y = 0u; y < ${keys}; y++) {
          var s = 0.0;
          for (var x = 0u; x < d; x++) { s += q[i * d + x] * tile_k[y * d + x]; }
          tile_s[t * bc + y] = ${score};
          m_tile = max(m_tile, tile_s[t * bc + y]);
        }
        var l_tile = 0.0;
        for (var y = 0u; y < ${keys}; y++) {
          let p = exp(tile_s[t * bc + y] - m_tile);
          tile_s[t * bc + y] = p;
          l_tile += p;
        }
        let m_new = max(m[i], m_tile);
        let shrink = ${shrink};
        let grow = ${grow};
        let l_new = shrink * l[i] + grow * l_tile;
        for (var x = 0u; x < d; x++) {
          var sum = 0.0;
          for (var y = 0u; y < ${keys}; y++) { sum += tile_s[t * bc + y] * tile_v[y * d + x]; }
          o[i * d + x] = (${old} * o[i * d + x] + grow * sum) ${divided};
        }
        l[i] = l_new;
        ${storeM}
      }
    }
    workgroupBarrier();
  }
}`;
};

/** N for each of three tilings: every tiling is a pipeline to compile. */
const RUNS = [
  ...[1, 2, 15, 31, 32, 33, 48, 64, 65, 100].map((N) => ({ N, d: 16, br: 32, bc: 32 })),
  ...[1, 7, 24, 33, 50, 70].map((N) => ({ N, d: 5, br: 8, bc: 24 })),
  ...[1, 9, 16, 40, 45, 64].map((N) => ({ N, d: 8, br: 32, bc: 9 })),
];

type Input = [q: number[][], k: number[][], v: number[][], tiles: Tiles];

const flat = (rows: number[][]) => tensor(rows.flat(), [rows.length, rows[0].length]);

export const flash1Wgsl = wgslExercise<Input, Attended>({
  spec: 'flash1Wgsl: WGSL of one head in which thread t does lines 9 to 13 for row i, with tile_k and tile_v on chip and o, l and m in device memory.',
  hints: [
    'Four loops over the keys or columns: scores and their maximum; p and its sum; then, for each column x, the sum of p * v. Between the second and the third come m_new, l_new and the two factors.',
    'tile_s[t * bc + y] keeps what this thread has for key y: first the score, then p in its place. y goes up to keys, not up to bc.',
    'Take exp(m[i] - m_new) before m[i] is overwritten, and multiply the old o[i * d + x] by that and by the old l[i].',
    'o[i * d + x] = (shrink * l[i] * o[i * d + x] + grow * sum) / l_new, with shrink = exp(m[i] - m_new) and grow = exp(m_tile - m_new); after the loop l[i] = l_new and m[i] = m_new.',
  ],
  cases: drawCases(
    304,
    RUNS.map((size, n) => ({ ...size, scale: [1, 6, 0.3][n % 3] })),
    tileLabel,
    ({ N, d, br, bc, scale }, draw) => [
      draw.matrix(N, d, scale),
      draw.matrix(N, d, scale),
      draw.matrix(N, d),
      { br, bc },
    ],
  ),
  expected: (q, k, v) => attendPlainly(q, k, v),
  tolerance: { maxAbsScore: (q, k) => largestScore(q, k) },
  run: async (code, q, k, v, { br, bc }) => {
    const [N, d] = [q.length, q[0].length];
    const { o, l, m } = await wgsl(code, {
      bindings: { q: flat(q), k: flat(k), v: flat(v), o: { shape: [N, d] }, l: { shape: [N] }, m: { shape: [N] } },
      workgroups: 1,
      constants: { br, bc, d },
    });
    const [out, sums, maxima] = await Promise.all([o.data(), l.data(), m.data()]);
    return {
      out: q.map((_, i) => Array.from(out.slice(i * d, (i + 1) * d))),
      lse: Array.from(maxima, (max, i) => max + Math.log(sums[i])),
    };
  },
  mistakes: [
    {
      answer: kernel({ keys: 'bc' }),
      hint: 'A loop over the keys runs to bc. In the last tile the rows from `keys` on hold zeros or the keys of the tile before, and they are counted: run to keys.',
    },
    {
      answer: kernel({ score: 's' }),
      hint: 'The scores are not divided by sqrt(f32(d)).',
    },
    {
      answer: kernel({ old: 'shrink' }),
      hint: 'The old o is not multiplied by the old l[i], by which it was divided when it was stored.',
    },
    {
      answer: kernel({ shrink: '1.0' }),
      hint: 'The old part is not rescaled. Either the factor exp(m[i] - m_new) is missing, or m[i] is overwritten before it is taken.',
    },
    {
      answer: kernel({ grow: '1.0' }),
      hint: 'The new part is not rescaled: p was taken from m_tile, so l_tile and the sum of p * v need the factor exp(m_tile - m_new).',
    },
    {
      answer: kernel({ divided: '' }),
      hint: 'o is not divided by l_new.',
    },
    {
      answer: kernel({ storeM: '' }),
      hint: 'm[i] is never stored, so that every tile of keys believes that it is the first one.',
    },
  ],
});

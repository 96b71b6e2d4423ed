import { wgsl } from '../../api/wgsl';
import { tensor } from '../../tensor/tensor';
import { wgslExercise } from '../definition';
import { drawCases } from '../draw';
import { attendPlainly, largestScore } from '../plain-attention';

/** (H,N,D) */
type Heads = number[][][];

/** out (H,Nq,D) and lse (H,Nq). */
export interface HeadsResult {
  out: Heads;
  lse: number[][];
}

/** Head size and queries of a workgroup, as the stub in the notebook has them. */
const D = 16;
const BR = 32;

function attention(q: Heads, k: Heads, v: Heads): HeadsResult {
  const heads = q.map((head, h) => attendPlainly(head, k[h], v[h]));
  return { out: heads.map(({ out }) => out), lse: heads.map(({ lse }) => lse) };
}

/** The kernel of the notebook's stub, with its two gaps filled; the options are mistakes. */
const kernel = ({
  scale = '1.0 / sqrt(f32(D))',
  keys = 'min(BC, Nk - j0)',
  rescaleL = 'alpha',
  rescaleAcc = 'alpha',
  divisor = 'l',
  lse = 'm + log(l)',
} = {}): string => `
const D = ${D}u;
const BR = ${BR}u;
const BC = 16u;
const LOWEST = -1.0e38;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;

var<workgroup> tile_k: array<f32, BC * D>;
var<workgroup> tile_v: array<f32, BC * D>;

@compute @workgroup_size(BR)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let Nq = arrayLength(&q) / D / groups.y;
  let Nk = arrayLength(&k) / D / groups.y;
  let i = group.x * BR + thread;
  let row = group.y * Nq + min(i, Nq - 1u);
  let scale = ${scale};
  var qi = array<f32, D>();
  var acc = array<f32, D>();
  var s = array<f32, BC>();
  var m = LOWEST;
  var l = 0.0;
  for (var c = 0u; c < D; c++) { qi[c] = scale * q[row * D + c]; }

  for (var j0 = 0u; j0 < Nk; j0 += BC) {
    let keys = ${keys};
    workgroupBarrier();
    for (var e = thread; e < min(BC, Nk - j0) * D; e += BR) {
      tile_k[e] = k[(group.y * Nk + j0) * D + e];
      tile_v[e] = v[(group.y * Nk + j0) * D + e];
    }
    workgroupBarrier();
    var top = m;
    for (var j = 0u; j < keys; j++) {
      var score = 0.0;
      for (var c = 0u; c < D; c++) { score += qi[c] * tile_k[j * D + c]; }
      s[j] = score;
      top = max(top, score);
    }
    let alpha = exp(m - top);
    m = top;
    l *= ${rescaleL};
    for (var c = 0u; c < D; c++) { acc[c] *= ${rescaleAcc}; }
    for (var j = 0u; j < keys; j++) {
      let p = exp(s[j] - m);
      l += p;
      for (var c = 0u; c < D; c++) { acc[c] += p * tile_v[j * D + c]; }
    }
  }

  if (i < Nq) {
    for (var c = 0u; c < D; c++) { out[row * D + c] = acc[c] / ${divisor}; }
    lse[row] = ${lse};
  }
}`;

const SIZES = [
  ...[1, 2, 15, 16, 17, 31, 32, 33, 48, 65].map((N, n) => ({ H: 1, Nq: N, Nk: N, size: [1, 6][n % 2], shift: 0 })),
  ...[5, 16, 30, 64].map((N) => ({ H: 3, Nq: N, Nk: N, size: 2, shift: 0 })),
  { H: 1, Nq: 1, Nk: 40, size: 1, shift: 0 },
  { H: 2, Nq: 40, Nk: 1, size: 1, shift: 0 },
  { H: 2, Nq: 37, Nk: 50, size: 3, shift: 0 },
  { H: 2, Nq: 70, Nk: 21, size: 3, shift: 0 },
  { H: 1, Nq: 33, Nk: 47, size: 100, shift: 0 },
  { H: 1, Nq: 20, Nk: 20, size: 2, shift: 3 },
  { H: 1, Nq: 50, Nk: 50, size: 2, shift: -3 },
  { H: 2, Nq: 32, Nk: 48, size: 4, shift: -2 },
];

export const flash2Wgsl = wgslExercise<[q: Heads, k: Heads, v: Heads], HeadsResult>({
  spec: 'flash2Code: WGSL that writes out and lse of H heads of size 16, a workgroup for 32 queries of a head, K and V by tiles in workgroup memory.',
  hints: [
    'The first gap is lines 7 to 13 of the algorithm for one row: the thread has its query in qi, the tile in tile_k and tile_v, and its state in m, l and acc.',
    'Two loops over the keys of the tile: the first makes s[j] and the new maximum, the second p = exp(s[j] - m) and the sums. Between them l and every acc[c] are multiplied by exp(mOld - mNew).',
    'Only the first `keys` rows of the tile are keys; behind them lies what an earlier tile left, or zeros.',
    'The second gap: for each c, out[row * D + c] = acc[c] / l; and lse[row] = m + log(l).',
  ],
  cases: drawCases(
    405,
    SIZES,
    ({ H, Nq, Nk }) => `H = ${H}, Nq = ${Nq}, Nk = ${Nk}`,
    ({ H, Nq, Nk, size, shift }, draw) => {
      const heads = (N: number, scale: number): Heads => Array.from({ length: H }, () => draw.matrix(N, D, scale));
      const moved = (rows: Heads, by: number): Heads => rows.map((head) => head.map((row) => row.map((x) => x + by)));
      // Shifted so that the scores of a row have one sign
      return [moved(heads(Nq, size), Math.abs(shift)), moved(heads(Nk, 1), shift), heads(Nk, 1)];
    },
  ),
  expected: attention,
  run: async (code, q, k, v) => {
    const [H, Nq, Nk] = [q.length, q[0].length, k[0].length];
    const { out, lse } = await wgsl(code, {
      bindings: {
        q: tensor(q.flat(2), [H, Nq, D]),
        k: tensor(k.flat(2), [H, Nk, D]),
        v: tensor(v.flat(2), [H, Nk, D]),
        out: { shape: [H, Nq, D] },
        lse: { shape: [H, Nq] },
      },
      workgroups: [Math.ceil(Nq / BR), H],
    });
    return { out, lse };
  },
  tolerance: {
    maxAbsScore: (q, k) => Math.max(...q.map((head, h) => largestScore(head, k[h]))),
  },
  mistakes: [
    {
      answer: kernel({ keys: 'BC' }),
      hint: 'All BC rows of the tile are taken for keys. The last tile may have fewer: what lies behind its first `keys` rows is old or zero, and a score of 0 is no score.',
    },
    {
      answer: kernel({ rescaleAcc: '1.0' }),
      hint: 'acc is not rescaled: when m grows, every acc[c] is multiplied by exp(mOld - mNew), as l is.',
    },
    {
      answer: kernel({ rescaleL: '1.0' }),
      hint: 'l is not rescaled: when m grows, it is multiplied by exp(mOld - mNew), as acc is.',
    },
    {
      answer: kernel({ divisor: '1.0' }),
      hint: 'lse is right, but acc is written as it is: out is acc divided by l.',
    },
    {
      answer: kernel({ lse: 'log(l)' }),
      hint: 'out is right. lse is log(l), but the sum was made of exp(s - m): m is missing.',
    },
    {
      answer: kernel({ scale: '1.0' }),
      hint: 'The scores are not scaled; the stub keeps q already multiplied by 1/sqrt(D) in qi: use that.',
    },
    {
      answer: kernel({ lse: 'm' }),
      hint: 'out is right. lse is m alone: log(l) is missing.',
    },
  ],
});

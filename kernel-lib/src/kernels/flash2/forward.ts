import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { VISIBILITY_WGSL } from '../../features/causal';
import { type Params, paramsStruct } from '../../wgsl/params';
import { FORBIDDEN, LN_2, LOG2_E, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { collect, publish, reduceVec4s, reduceWgsl } from '../../wgsl/reduce-rows';
import {
  loadFunction,
  stageLength,
  stageOwn,
  stageStep,
  storageArray,
  storeFunction,
  storeOwn,
} from '../../wgsl/staging';
import {
  accumulate,
  columnOf,
  columnsPerThread,
  declareResult,
  eachRow,
  eachScore,
  innerProducts,
  resultColumns,
  storeWeights,
  type TileShape,
  weightStride,
} from '../../wgsl/tiles';
import { type AttentionTile, BASE_WGSL, beyond, enableWgsl, mainWgsl } from './common';

/** Bytes of workgroup memory. */
export function forwardBytes(t: TileShape, D: number, Dv: number): number {
  const vec4s =
    stageLength(t.own, t.tx, D, Dv) + stageLength(t.step, t.tx, D, Dv) + t.own * weightStride(t) + reduceVec4s(t);
  return 16 * vec4s;
}

/**
 * FlashAttention-2 forward (Dao 2023, Algorithm 1): out and lse of one tile of queries.
 *
 *     load Q_i; m = -inf; l = 0; acc = 0
 *     for each tile of keys that Q_i sees:
 *       S = scale Q_i K_j^T                       (in log2 units: the factor log2(e) is folded into Q)
 *       m' = max(m, rowmax S);  P = exp2(S - m');  alpha = exp2(m - m')
 *       l = alpha l + rowsum P;  acc = alpha acc + P V_j;  m = m'
 *     out = acc / l;  lse = ln 2 (m + log2 l)
 *
 * A workgroup owns `br` queries of one head. Thread (x, y) holds, in registers, its part of S and acc (see wgsl/tiles.ts),
 * m of its rows, and l over its own columns only: the columns are added up once, at the end. K_j and V_j share one buffer.
 * Four barriers a tile. Workgroup memory: see forwardBytes.
 */
export function forwardKernel(t: AttentionTile, problem: Problem, params: Params): Kernel {
  const { D, Dv } = problem;
  const columns = Array.from({ length: columnsPerThread(t) }, (_, c) => c);
  const outColumns = Array.from({ length: resultColumns(t, Dv) }, (_, c) => c);
  const code = `
${enableWgsl(t)}
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'q', D)}
${storageArray(2, 'read', 'k', D)}
${storageArray(3, 'read', 'v', Dv)}
${storageArray(4, 'read_write', 'out', Dv)}
@group(0) @binding(5) var<storage, read_write> lse: array<u32>;
var<workgroup> own: array<vec4f, ${stageLength(t.own, t.tx, D, Dv)}>;
var<workgroup> stage: array<vec4f, ${stageLength(t.step, t.tx, D, Dv)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${loadFunction('q', D)}
${loadFunction('k', D)}
${loadFunction('v', Dv)}
${storeFunction('out', Dv)}
${VISIBILITY_WGSL}
${BASE_WGSL}
${reduceWgsl(t)}

${mainWgsl(t)}
let tiles = (params.Nq + ${t.br - 1}u) / ${t.br}u;
let group = params.first + id.x;
let i0 = group % tiles * ${t.br}u;
let h = group / tiles % params.H;
let b = group / tiles / params.H;
let hk = h / (params.H / params.Hk);
let k_base = base(b, hk, params.k_strides);
let v_base = base(b, hk, params.v_strides);
let to_log2 = params.scale * ${LOG2_E};
${stageOwn(t, 'own', t.br, { name: 'q', size: D, base: 'base(b, h, params.q_strides)', rowStride: 'params.q_strides.z', row0: 'i0', rows: 'params.Nq', scale: 'to_log2' })}
${eachRow(t, (r) => `var m${r} = ${START_MAXIMUM}; var l${r} = 0.0;`)}
${declareResult(t, 'acc', Dv)}
${eachRow(t, (r) => `let end${r} = key_end(i0 + y0 + ${r}u);`)}

let end = key_end(min(i0 + ${t.br}u, params.Nq) - 1u);
for (var j0 = 0u; j0 < end; j0 += ${t.bc}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.bc, { name: 'k', size: D, base: 'k_base', rowStride: 'params.k_strides.z', row0: 'j0', rows: 'params.Nk' })}
  workgroupBarrier();
  // S = scale Q K^T
  ${innerProducts(t, 's', 'own', 'stage', D)}
  let cut = ${t.bc < t.step} | (j0 + ${t.bc}u > params.Nk) | !uncut(i0, j0 + ${t.bc - 1}u);
  if (cut) {
    ${eachScore(t, (r, c) => `s_${r}_${c} = select(s_${r}_${c}, ${FORBIDDEN}, ${beyond(t, columnOf(t, c), t.bc)}(j0 + ${columnOf(t, c)} >= end${r}));`)}
  }
  // Row maxima, first over the thread's columns, then over the threads of a row
  ${eachRow(t, (r) => `let top${r} = ${columns.map((c) => `s_${r}_${c}`).reduce((a, s) => `max(${a}, ${s})`)};`)}
  ${publish(t, (r) => `top${r}`)}
  workgroupBarrier();
  ${stageStep(t, 'stage', t.bc, { name: 'v', size: Dv, base: 'v_base', rowStride: 'params.v_strides.z', row0: 'j0', rows: 'params.Nk' })}
  ${eachRow(
    t,
    (r) => `{
    let top = max(m${r}, ${collect(t, r, 'max', `top${r}`)});
    let alpha = exp2(m${r} - top);
    m${r} = top;
    l${r} *= alpha;
    ${outColumns.map((c) => `acc_${r}_${c} *= alpha;`).join(' ')}
    ${columns.map((c) => `s_${r}_${c} = exp2(s_${r}_${c} - top); l${r} += s_${r}_${c};`).join(' ')}
  }`,
  )}
  ${storeWeights(t, 'weights', (r, c) => `s_${r}_${c}`)}
  workgroupBarrier();
  // acc += P V
  ${accumulate(t, 'acc', 'weights', 'stage', Dv)}
}

workgroupBarrier();
${t.sx < t.tx ? eachRow(t, (r) => `if (x >= ${t.sx}u) { l${r} = 0.0; }`) : ''}
${publish(t, (r) => `l${r}`)}
workgroupBarrier();
${eachRow(
  t,
  (r) => `let sum${r} = ${collect(t, r, 'sum', `l${r}`)};
let empty${r} = m${r} == ${START_MAXIMUM};
let weight${r} = select(1.0 / sum${r}, 0.0, empty${r});
if ((x == 0u) & (y0 + ${r}u < ${t.br}u) & (i0 + y0 + ${r}u < params.Nq)) {
  let value = (m${r} + log2(sum${r})) * ${LN_2};
  lse[(b * params.H + h) * params.Nq + i0 + y0 + ${r}u] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, empty${r});
}`,
)}
${storeOwn(t, 'acc', 'own', t.br, { name: 'out', size: Dv, base: 'base(b, h, params.out_strides)', rowStride: 'params.out_strides.z', row0: 'i0', rows: 'params.Nq' }, (r) => `weight${r}`)}
}`;
  return { label: 'flash2 forward', code, access: ['read', 'read', 'read', 'read_write', 'read_write'] };
}

import type { Problem } from '../api/problem';
import type { DeviceFacts } from '../device/device';
import type { Kernel } from '../device/pipeline-cache';
import type { Plan } from '../device/plan';
import { compiledFeatures, type ScoreFeatures } from '../features/score';
import type { Params } from '../wgsl/params';
import { FORBIDDEN, LOG2_E } from '../wgsl/special-values';
import { loadFunction, storageArray } from '../wgsl/staging';
import { vec4s } from '../wgsl/tiles';
import { attentionParams, featureAccess, featureBindings, headWgsl } from './common';
import { eachSlice, featureUploads } from './steps';

/** Threads of a row; a multiple of 4. */
const THREADS = 32;

/** p of chosen query rows, one workgroup a row of a head: for looking at, not for speed. */
function weightsKernel({ D, dtype }: Problem, f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 5)}
${storageArray(1, 'read', 'q', D, dtype)}
${storageArray(2, 'read', 'k', D, dtype)}
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
var<workgroup> partial: array<f32, ${THREADS}>;
${loadFunction('q', D, dtype)}
${loadFunction('k', D, dtype)}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let group = params.first + id.x;
  let i = rows[group % params.count];
  let h = group / params.count % params.H;
  let b = group / params.count / params.H;
  let seq = sequence(params.b0 + b);
  let q_at = base(b, h, params.q_strides, seq.q0 + i);
  let hk = h / (params.H / params.Hk);
  let at = ((params.b0 + b) * params.all_query_heads + params.h0 + h) * params.count * params.Nk + group % params.count * params.Nk;
  var top = ${FORBIDDEN};
  for (var j = lid; j < params.Nk; j += ${THREADS}u) {
    let k_at = base(b, hk, params.k_strides, seq.k0 + j);
    var s = 0.0;
    for (var d = 0u; d < ${vec4s(D)}u; d++) { s += dot(load_q(q_at, d), load_k(k_at, d)); }
    s *= params.scale * ${LOG2_E};
    ${f.softcap ? 'if (params.softcap > 0.0) { s = params.softcap * safe_tanh(s * params.per_softcap); }' : ''}
    let a = adjustment(seq, params.b0 + b, params.h0 + h, i, j);
    s = select(s + a, ${FORBIDDEN}, a == ${FORBIDDEN});
    weights[at + j] = s;
    top = max(top, s);
  }
  partial[lid] = top;
  workgroupBarrier();
  for (var t = 0u; t < ${THREADS}u; t++) { top = max(top, partial[t]); }
  workgroupBarrier();
  var sum = 0.0;
  for (var j = lid; j < params.Nk; j += ${THREADS}u) {
    let e = select(exp2(weights[at + j] - top), 0.0, top == ${FORBIDDEN});
    weights[at + j] = e;
    sum += e;
  }
  partial[lid] = sum;
  workgroupBarrier();
  var l = 0.0;
  for (var t = 0u; t < ${THREADS}u; t++) { l += partial[t]; }
  // A query with nothing to attend to has l = 0 and only zeros to divide.
  let weight = select(1.0 / l, 0.0, l == 0.0);
  for (var j = lid; j < params.Nk; j += ${THREADS}u) {
    let dropped = ${f.dropout ? '(params.signed == 1u) & !keeps(params.b0 + b, params.h0 + h, i, j)' : 'false'};
    weights[at + j] *= select(weight, -weight, dropped);
  }
}`;
  return {
    label: 'attention weights',
    code,
    access: ['read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}

/**
 * Inputs q, k, rows (u32 indices of queries), bias and mask; output weights (B,H,rows,Nk), before dropout.
 * @param signed whether what dropout drops is negative
 */
export function weightsPlan(p: Problem, facts: DeviceFacts, rows: number, signed: boolean): Plan {
  const f = compiledFeatures(p, facts);
  return {
    path: 'attention weights',
    tiles: null,
    outputs: { weights: 4 * p.B * p.H * rows * p.Nk },
    scratch: {},
    uploads: featureUploads(p, f),
    steps: (buffers) =>
      eachSlice(p, facts, [], (operands) => {
        const { B, H } = operands.slice;
        const params: Params = {
          ...attentionParams(p, f, operands),
          count: rows,
          all_query_heads: p.H,
          signed: Number(signed),
        };
        return [
          {
            kernel: weightsKernel(p, f, params),
            params,
            buffers: [
              operands.bind('q', buffers.q),
              operands.bind('k', buffers.k),
              { buffer: buffers.rows },
              { buffer: buffers.weights },
              ...featureBindings(f, operands, buffers),
            ],
            workgroups: B * H * rows,
            flops: 2 * B * H * rows * p.Nk * p.D,
          },
        ];
      }),
  };
}

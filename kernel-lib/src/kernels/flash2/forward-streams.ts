import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { firstKeyWgsl } from '../../features/key-cache';
import type { ScoreFeatures } from '../../features/score';
import { type Params, range, when } from '../../wgsl/params';
import { FORBIDDEN, LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { vec4s } from '../../wgsl/tiles';
import { ownGroupsWgsl } from '../common';
import type { AttentionStreams } from './choose-streams';
import { forwardAccess, type ForwardVariant, forwardWgsl, keyRangeWgsl, nextMaximum } from './forward-common';

/** 1, 2, 4, … below `end`, from `begin` on: whom a lane swaps with, step by step, for sums and maxima over lanes. */
const powers = (begin: number, end: number): number[] => (begin < end ? [begin, ...powers(2 * begin, end)] : []);

/** WGSL: the sum or the largest of a variable over lanes. */
const overLanes = (name: string, how: 'add' | 'max', masks: readonly number[]): string =>
  masks
    .map((mask) => {
      const other = `subgroupShuffleXor(${name}, ${mask}u)`;
      return how === 'add' ? `${name} += ${other};` : `${name} = max(${name}, ${other});`;
    })
    .join(' ');

/**
 * WGSL: declares `name`: in lane x of a stream the sum over its lanes of value x % turn. Each step hands half of the values over, so that all
 * sums together take about one exchange each.
 */
function sumsOfStream(t: AttentionStreams, name: string, values: readonly string[]): string {
  const half = values.length / 2;
  if (half < 1) return `var ${name} = ${values[0]}; ${overLanes(name, 'add', powers(t.turn, t.perKey))}`;
  const next = range(half).map((n) => `${name}_${half}_${n}`);
  const lines = next.map((sum, n) => {
    const [low, high] = [values[n], values[n + half]];
    const [kept, given] = [`select(${low}, ${high}, bit_${half})`, `select(${high}, ${low}, bit_${half})`];
    return `let ${sum} = ${kept} + subgroupShuffleXor(${given}, ${half}u);`;
  });
  return `${lines.join('\n')}\n${sumsOfStream(t, name, next)}`;
}

/**
 * FlashAttention-2 forward (Dao 2023, Algorithm 1) for a few queries, as in decoding: bound, on a GPU, by the memory that keys and values come from.
 *
 *     each stream: m = -inf; l = 0; acc = 0
 *     for each turn of keys:
 *       load the keys and values of the turn
 *       s = features(scale q.k)                   lane x of a stream gets that of its key x % turn, of what all its lanes have
 *       m' = next m;  alpha = exp2(m - m');  p = exp2(s - m')   (nextMaximum)
 *       l = alpha l + p;  acc = alpha acc + dropout(p) v;  m = m'
 *     merge the streams;  out = acc / l;  lse = ln 2 (m + log2 l)
 *
 * A workgroup is one subgroup and has all queries of a group of heads, so that each key and value is loaded once. Its lanes form streams: `perKey`
 * neighbours share a row of keys and of values, of which each has the same vec4s, and nothing passes through workgroup memory. All loads of a turn are
 * on their way together, 16 KiB of a subgroup of 32 lanes at D 64 and f32, and nobody waits for others. l is summed over the lanes at the end.
 */
export function forwardStreamsKernel(
  t: AttentionStreams,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  { keys, split }: ForwardVariant,
): Kernel {
  const { D, Dv } = p;
  const queries = range(t.own);
  const turn = range(t.turn);
  const partsOf = (size: number): number[] => range(Math.ceil(vec4s(size) / t.perKey));
  const place = (c: number): string => `x + ${c * t.perKey}u`;
  const isFull = (size: number): boolean => vec4s(size) % t.perKey === 0;
  const padded = (load: string, c: number): string =>
    isFull(D) ? load : `select(vec4f(), ${load}, ${place(c)} < ${vec4s(D)}u)`;
  const i8 = keys.element === 'i8';
  const eachQuery = (text: (r: number) => string): string => queries.map(text).join('\n');
  const eachPart = (size: number, text: (c: number) => string): string => partsOf(size).map(text).join(' ');

  const query = (r: number): string => `
let exists${r} = e0 + ${r}u < rows_own;
let query${r} = min((e0 + ${r}u) / heads, seq.Nq - 1u);
let head${r} = hk * heads + (e0 + ${r}u) % heads;
let q_at${r} = base(b, head${r}, params.q_strides, seq.q0 + query${r});
${eachPart(D, (c) => `let q${r}_${c} = ${padded(`load_q(q_at${r}, ${place(c)})`, c)} * to_log2;`)}
var m${r} = ${START_MAXIMUM}; var l${r} = 0.0;
${eachPart(Dv, (c) => `var acc${r}_${c} = vec4f();`)}`;

  const row = (n: number): string =>
    keys.paged ? `subgroupShuffle(own_row, first_lane + ${n}u)` : `min(j0 + stream + ${n}u, seq.Nk - 1u)`;
  const loads = (name: 'k' | 'v', size: number): string =>
    turn
      .map((n) =>
        eachPart(size, (c) => {
          const load = `load_${name}(${name}_base + row${n} * params.${name}_strides.z, ${place(c)})`;
          return `let ${name}${n}_${c} = ${name === 'k' ? padded(load, c) : load};`;
        }),
      )
      .join('\n');

  const scores = (r: number): string => {
    const products = turn.map((n) =>
      partsOf(D)
        .map((c) => `dot(q${r}_${c}, k${n}_${c})`)
        .join(' + '),
    );
    return `
${turn.map((n) => `let dot${r}_${n} = ${products[n]};`).join(' ')}
${sumsOfStream(
  t,
  `s${r}`,
  turn.map((n) => `dot${r}_${n}`),
)}
${when(i8, `s${r} *= k_scale;`)}
${when(f.softcap, `if (params.softcap > 0.0) { s${r} = params.softcap * tanh_and_slope(s${r} * params.per_softcap).x; }`)}
let adjusted${r} = adjustment(seq, feature_b, params.h0 + head${r}, select(seq.Nq, query${r}, exists${r}), j);
s${r} = select(s${r} + adjusted${r}, ${FORBIDDEN}, adjusted${r} == ${FORBIDDEN});`;
  };

  const softmax = (r: number): string => {
    const kept = f.dropout
      ? `select(0.0, p${r} * params.keep_factor, keeps(feature_b, params.h0 + head${r}, query${r}, j))`
      : `p${r}`;
    return `
var top${r} = s${r}; ${overLanes(`top${r}`, 'max', powers(1, t.turn))}
let next${r} = ${nextMaximum(`m${r}`, `top${r}`)};
let alpha${r} = exp2(m${r} - next${r});
let p${r} = exp2(s${r} - next${r});
m${r} = next${r};
l${r} = l${r} * alpha${r} + p${r};
${eachPart(Dv, (c) => `acc${r}_${c} *= alpha${r};`)}
let weight${r} = ${kept}${when(i8, ' * v_scale')};
${turn
  .map((n) => {
    const sums = eachPart(Dv, (c) => `acc${r}_${c} = fma(vec4f(w), v${n}_${c}, acc${r}_${c});`);
    return `{ let w = subgroupShuffle(weight${r}, first_lane + ${n}u); ${sums} }`;
  })
  .join('\n')}`;
  };

  const finish = (r: number): string => `
var m_all${r} = m${r}; ${overLanes(`m_all${r}`, 'max', powers(t.perKey, t.subgroup))}
let share${r} = exp2(m${r} - m_all${r});
var l_all${r} = select(0.0, l${r} * share${r}, x < ${t.turn}u); ${overLanes(`l_all${r}`, 'add', powers(1, t.subgroup))}
let empty${r} = m_all${r} == ${START_MAXIMUM};
let factor${r} = select(share${r} / l_all${r}, 0.0, empty${r});
${eachPart(Dv, (c) => `acc${r}_${c} *= factor${r}; ${overLanes(`acc${r}_${c}`, 'add', powers(t.perKey, t.subgroup))}`)}
if (exists${r} & (lane < ${t.perKey}u)) {
  let out_at = base(result_b, head${r}, params.out_strides, seq.q0 + query${r});
  ${eachPart(Dv, (c) => `${when(!isFull(Dv), `if (${place(c)} < ${vec4s(Dv)}u) `)}{ store_out(out_at, ${place(c)}, acc${r}_${c}); }`)}
}
if (exists${r} & (lane == 0u)) {
  let value = (m_all${r} + log2(l_all${r})) * ${LN_2};
  lse[base(result_b, head${r}, params.lse_strides, seq.q0 + query${r})] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, empty${r});
}`;

  const code = `
${forwardWgsl('enable subgroups;', p, f, params, { keys, split })}

@compute @workgroup_size(${t.subgroup})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
let group = params.first + id.x;
${ownGroupsWgsl(t.own, f, split)}
${firstKeyWgsl(keys)}
let x = lane % ${t.perKey}u;
let first_lane = lane - x;
// The first key of the stream in a turn.
let stream = lane / ${t.perKey}u * ${t.turn}u;
${powers(1, t.turn)
  .map((half) => `let bit_${half} = (x & ${half}u) != 0u;`)
  .join(' ')}
${eachQuery(query)}

${keyRangeWgsl(t.bc, { keys, split })}
for (var j0 = begin; j0 < end; j0 += ${t.bc}u) {
  // The key whose score the lane gets.
  let j = j0 + stream + x % ${t.turn}u;
  ${when(keys.paged, 'let own_row = cache_row(b, first_key + min(j, seq.Nk - 1u));')}
  ${when(i8, 'let k_scale = k_scales[scale_index(own_row, hk)]; let v_scale = v_scales[scale_index(own_row, hk)];')}
  ${turn.map((n) => `let row${n} = ${row(n)};`).join(' ')}
  ${loads('k', D)}
  ${loads('v', Dv)}
  ${eachQuery(scores)}
  ${eachQuery(softmax)}
}
${eachQuery(finish)}
}`;
  return { label: 'flash2 forward', code, access: forwardAccess(f, { keys, split }) };
}

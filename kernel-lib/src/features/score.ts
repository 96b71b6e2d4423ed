import type { Problem } from '../api/problem';
import type { DeviceFacts } from '../device/device';
import { type Params, when } from '../wgsl/params';
import { FORBIDDEN } from '../wgsl/special-values';
import { bound, columnsPerThread, eachScore, rowsPerThread, type TileShape, weightStride } from '../wgsl/tiles';
import { ALIBI_WGSL } from './alibi';
import { BAND_WGSL, bandParams } from './band';
import { BIAS_WGSL, biasMaskParams, MASK_WGSL } from './bias-mask';
import { DROPOUT_WGSL, dropoutParams } from './dropout';
import { sequenceParams, sequencesWgsl, wordCount } from './sequences';
import { SOFTCAP_WGSL, softcapParams } from './softcap';

/**
 * All features in their order, as one piece of WGSL that every kernel shares:
 *
 *     s = scale q.k;  s = softcap(s);  s = s + alibi + bias;  -Infinity unless band and mask allow;  p = exp(s - lse);  dropout
 */
export interface ScoreFeatures {
  readonly softcap: boolean;
  readonly alibi: boolean;
  readonly bias: boolean;
  readonly mask: boolean;
  readonly dropout: boolean;
  readonly packed: boolean;
  /** Where their words lie: in a uniform block, which takes none of the few storage bindings, unless they are too many. */
  readonly words: 'none' | 'uniform' | 'storage';
}

/** Words of that uniform block: 16 KiB, enough for the slopes of 4,096 heads or the lengths of 2,000 sequences. */
export const UNIFORM_WORDS = 4096;

const SWITCHES = ['softcap', 'alibi', 'bias', 'mask', 'dropout', 'packed'] as const;

/**
 * The features that are compiled in. On a GPU just those of the problem. A driver on a CPU compiles for seconds, so there any
 * feature but the band brings them all, each switched by a uniform, and the next combination compiles nothing; unless the device
 * cannot bind that many buffers.
 * @param others storage buffers that the kernels bind beside those of the features
 */
export function compiledFeatures(p: Problem, facts: DeviceFacts, others = 7): ScoreFeatures {
  const wanted = {
    softcap: p.softcap > 0,
    alibi: p.alibiSlopes !== null,
    bias: p.bias !== null,
    mask: p.mask !== null,
    dropout: p.dropout !== null,
    packed: p.sequences !== null || p.cache !== undefined,
  };
  const words = wordCount(p) > UNIFORM_WORDS ? 'storage' : 'uniform';
  const fits = others + (words === 'storage' ? 3 : 2) <= facts.maxStorageBuffers;
  if (facts.kind === 'hardware' || !fits || !SWITCHES.some((name) => wanted[name])) {
    return { ...wanted, words: wanted.alibi || wanted.packed ? words : 'none' };
  }
  return { softcap: true, alibi: true, bias: true, mask: true, dropout: true, packed: true, words };
}

/** Words of the features, as many as the problem has: ALiBi's slopes (B,H), cuSeqlensQ, cuSeqlensK or a cache's words. */
export function featureWords({ alibiSlopes, sequences, cache }: Problem): Uint32Array {
  const slopes = alibiSlopes ? new Uint32Array(Float32Array.from(alibiSlopes, (s) => s * Math.LOG2E).buffer) : [];
  const queries = sequences?.cuSeqlensQ ?? [];
  const keys = cache ? [cache.lengths, cache.starts, cache.table] : [sequences?.cuSeqlensK ?? []];
  return Uint32Array.from([slopes, queries, ...keys].flatMap((words) => Array.from(words)));
}

export function scoreParams(p: Problem, f: ScoreFeatures): Params {
  const slopes = p.alibiSlopes?.length ?? 0;
  return {
    ...bandParams(p),
    ...(f.softcap ? softcapParams(p.softcap) : {}),
    ...(f.alibi ? { alibi_on: Number(slopes > 0), slopes: 0, all_heads: p.H } : {}),
    ...(f.bias || f.mask ? biasMaskParams(p) : {}),
    ...(f.dropout ? dropoutParams(p.dropout) : {}),
    ...(f.packed ? sequenceParams(p) : {}),
  };
}

/** Names of the buffers that the features read, in the order of their bindings. */
export function scoreBuffers(f: ScoreFeatures): ('bias' | 'mask' | 'words')[] {
  return [
    ...(f.bias ? (['bias'] as const) : []),
    ...(f.mask ? (['mask'] as const) : []),
    ...(f.words === 'none' ? [] : (['words'] as const)),
  ];
}

/** How many of them take a storage binding. */
export const storageCount = (f: ScoreFeatures): number =>
  scoreBuffers(f).filter((name) => name !== 'words' || f.words === 'storage').length;

/**
 * What stands at module scope: the buffers from binding `first` on, `sequence(b)`, the band, `softcap(s)`, and
 * `adjustment(seq, b, h, i, j)`, in log2 units: what is added to the score of the pair, FORBIDDEN where i does not see j.
 */
export function scoreWgsl(f: ScoreFeatures, first: number): string {
  const type = (name: string): string =>
    name === 'words' && f.words === 'uniform'
      ? `var<uniform> words: array<vec4u, ${UNIFORM_WORDS / 4}>;`
      : `var<storage, read> ${name}: array<u32>;`;
  const buffers = scoreBuffers(f).map((name, n) => `@group(0) @binding(${first + n}) ${type(name)}`);
  return `
${buffers.join('\n')}
${f.words === 'none' ? '' : `fn word(at: u32) -> u32 { return words[${f.words === 'uniform' ? 'at / 4u][at % 4u]' : 'at]'}; }`}
${sequencesWgsl(f.packed)}
${BAND_WGSL}
${when(f.softcap, SOFTCAP_WGSL)}
${when(f.alibi, ALIBI_WGSL)}
${when(f.bias, BIAS_WGSL)}
${when(f.mask, MASK_WGSL)}
${when(f.dropout, DROPOUT_WGSL)}
fn adjustment(seq: Sequence, b: u32, h: u32, i: u32, j: u32) -> f32 {
  var sees = (i < seq.Nq) & (j >= key_begin(seq, i)) & (j < key_end(seq, i));
  var sum = 0.0;
  if (sees) {
    ${when(f.alibi, 'if (params.alibi_on == 1u) { sum = alibi(seq, b, h, i, j); }')}
    ${when(f.bias, `if (params.bias_on == 1u) { sum = max(sum + bias_at(b, h, i, j), ${FORBIDDEN}); }`)}
    ${when(f.mask, 'if (params.mask_on == 1u) { sees = mask_allows(b, h, i, j); }')}
  }
  return select(${FORBIDDEN}, sum, sees);
}`;
}

/** WGSL: whether every tile needs its adjustments, or only those that the band cuts. */
export const everyTile = (f: ScoreFeatures): string =>
  [
    ...(f.alibi ? ['(params.alibi_on == 1u)'] : []),
    ...(f.bias ? ['(params.bias_on == 1u)'] : []),
    ...(f.mask ? ['(params.mask_on == 1u)'] : []),
  ].join(' | ') || 'false';

/** How a kernel names the pair of a score: its own rows and its step's columns are queries and keys, or the reverse. */
export interface ScoreTile {
  readonly tile: TileShape;
  readonly own: 'queries' | 'keys';
  /** How many columns of a step take part. */
  readonly used: number;
  /** The own rows are those of ownGroupsWgsl (kernels/common.ts): queries of several heads. */
  readonly packed: boolean;
  /** Workgroup array, own x step, that nothing else uses between staging and the next store of weights. */
  readonly scratch: string;
}

/** Rows of the tile and of the pair by turn n of a loop over the vec4s of a thread's scores, and the pair of component e. */
const turn = ({ tile: t, own, packed }: ScoreTile): string => {
  const groups = columnsPerThread(t) / 4;
  const [row, column] = own === 'queries' ? ['i', 'j'] : ['j', 'i'];
  const place = packed
    ? 'let i = (e0 + r) / heads;\nlet feature_h = params.h0 + hk * heads + (e0 + r) % heads;'
    : `let ${row} = ${row}0 + r;`;
  return `
let r = y0 + n / ${groups}u;
let c = sx + n % ${groups}u * ${t.sx}u;
${place}
let ${column} = ${column}0 + 4u * c + e;`;
};

const vec4Count = ({ tile: t }: ScoreTile): number => (rowsPerThread(t) * columnsPerThread(t)) / 4;

/**
 * Runs between the barriers that enclose staging: leaves the adjustments of the tile in scratch, where `cut` or a feature wants
 * them. A loop, not unrolled text: this is the largest piece of a kernel with features and compiles once. Needs i0, j0, seq,
 * and feature_b, feature_h, the pair's batch and query head in the whole problem.
 */
export function stageAdjustments(f: ScoreFeatures, s: ScoreTile, cut: string): string {
  const t = s.tile;
  const beyond = s.used < t.step ? `value[e] = select(value[e], ${FORBIDDEN}, 4u * c + e >= ${s.used}u);` : '';
  const loop = `
for (var n = 0u; n < ${bound(t, vec4Count(s))}; n++) {
  var value = vec4f();
  for (var e = 0u; e < ${bound(t, 4)}; e++) {
    ${turn(s)}
    value[e] = adjustment(seq, feature_b, feature_h, i, j);
    ${beyond}
  }
  ${scratchAt(s)} = value;
}`;
  return `
let adjusted = ${everyTile(f)} | ${cut};
if (adjusted) {
  ${t.sx < t.tx ? `if (x < ${t.sx}u) {${loop}}` : loop}
}`;
}

const scratchAt = ({ tile: t, scratch }: ScoreTile): string => {
  const groups = columnsPerThread(t) / 4;
  return `${scratch}[(y0 + n / ${groups}u) * ${weightStride(t)}u + sx + n % ${groups}u * ${t.sx}u]`;
};

/**
 * Turns the raw scores name_r_c, in log2 units, into those that softmax takes.
 * @param slope with a name, slope_r_c is declared as the derivative of that, for the backward pass
 */
export function applyFeatures(f: ScoreFeatures, s: ScoreTile, name: string, slope?: string): string {
  const t = s.tile;
  const score = (r: number, c: number): string => `${name}_${r}_${c}`;
  const capOne = (r: number, c: number): string =>
    `{ let t = tanh_and_slope(${score(r, c)} * params.per_softcap); ${score(r, c)} = params.softcap * t.x; ${slope ? `${slope}_${r}_${c} = t.y;` : ''} }`;
  const cap = f.softcap
    ? `${slope ? eachScore(t, (r, c) => `var ${slope}_${r}_${c} = 1.0;`) : ''}
if (params.softcap > 0.0) {\n${eachScore(t, capOne)}\n}`
    : '';
  const add = (r: number, c: number): string => {
    const load =
      c % 4 === 0
        ? `let a_${r}_${c} = ${s.scratch}[(y0 + ${r}u) * ${weightStride(t)}u + sx + ${(c / 4) * t.sx}u];`
        : '';
    const a = `a_${r}_${c - (c % 4)}[${c % 4}]`;
    return `${load} ${score(r, c)} = select(${score(r, c)} + ${a}, ${FORBIDDEN}, ${a} == ${FORBIDDEN});`;
  };
  return `${cap}\nif (adjusted) {\n${eachScore(t, add)}\n}`;
}

/**
 * Declares kept0, kept1, …: a bit for each score of the thread, whether dropout keeps it. A loop for the same reason as above.
 */
export function drawDropout(f: ScoreFeatures, s: ScoreTile): string {
  if (!f.dropout) return '';
  const scores = rowsPerThread(s.tile) * columnsPerThread(s.tile);
  const words = Array.from({ length: Math.ceil(scores / 32) }, (_, w) => w);
  const draw = (w: number): string => `
var kept${w} = 0xffffffffu;
if (params.drop_below > 0u) {
  kept${w} = 0u;
  for (var m = 0u; m < ${bound(s.tile, Math.min(32, scores - 32 * w))}; m++) {
    let n = ${8 * w}u + m / 4u;
    let e = m % 4u;
    ${turn(s)}
    kept${w} |= select(0u, 1u, keeps(feature_b, feature_h, i, j)) << m;
  }
}`;
  return words.map(draw).join('');
}

/** WGSL: `value` of score (r, c) after dropout: 0, or value / (1 - p). */
export const dropped = (f: ScoreFeatures, s: ScoreTile, r: number, c: number, value: string): string =>
  kept(f, s, r, c, f.dropout ? `${value} * params.keep_factor` : value);

/** WGSL: `value` of score (r, c), 0 where dropout drops it. */
export function kept(f: ScoreFeatures, s: ScoreTile, r: number, c: number, value: string): string {
  if (!f.dropout) return value;
  const bit = r * columnsPerThread(s.tile) + c;
  return `select(0.0, ${value}, ((kept${Math.floor(bit / 32)} >> ${bit % 32}u) & 1u) == 1u)`;
}

/**
 * What V is multiplied by before dP = dO V^T, so that dP comes with dropout's 1 / (1 - p): out was summed of the same products, and
 * so, with a query that keeps one key, dP and delta, whose difference is 0, are rounded alike.
 */
export const valueScale = (f: ScoreFeatures): { scale?: string } => (f.dropout ? { scale: 'params.keep_factor' } : {});

/**
 * `features1(seq, b, h, i, j, s)`: a raw score as softmax takes it, and `features4` those of keys j .. j + 3; for kernels that
 * are not made of tiles in registers.
 */
export const features4Wgsl = (f: ScoreFeatures): string => `
fn features1(seq: Sequence, b: u32, h: u32, i: u32, j: u32, raw: f32) -> f32 {
  var s = raw;
  ${f.softcap ? 'if (params.softcap > 0.0) { s = params.softcap * safe_tanh(s * params.per_softcap); }' : ''}
  let a = adjustment(seq, b, h, i, j);
  return select(s + a, ${FORBIDDEN}, a == ${FORBIDDEN});
}
fn features4(seq: Sequence, b: u32, h: u32, i: u32, j: u32, raw: vec4f) -> vec4f {
  var s = raw;
  for (var e = 0u; e < 4u; e++) { s[e] = features1(seq, b, h, i, j + e, raw[e]); }
  return s;
}`;

/** `dropout1` and `dropout4`: values of the pair, or of keys j .. j + 3, after dropout; `kept1`: 0 or the value as it is. */
export const dropout4Wgsl = (f: ScoreFeatures): string => `
fn kept1(b: u32, h: u32, i: u32, j: u32, value: f32) -> f32 {
  ${f.dropout ? 'if (params.drop_below > 0u) { return select(0.0, value, keeps(b, h, i, j)); }' : ''}
  return value;
}
fn dropout1(b: u32, h: u32, i: u32, j: u32, value: f32) -> f32 {
  return kept1(b, h, i, j, value${f.dropout ? ' * params.keep_factor' : ''});
}
fn dropout4(b: u32, h: u32, i: u32, j: u32, values: vec4f) -> vec4f {
  ${f.dropout ? 'var kept = values;\n  if (params.drop_below > 0u) { for (var e = 0u; e < 4u; e++) { kept[e] = dropout1(b, h, i, j + e, values[e]); } }\n  return kept;' : 'return values;'}
}`;

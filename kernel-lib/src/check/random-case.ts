import type { FloatDType } from '../tensor/dtype';
import { CASE_DEFAULTS, defaultScale, type CaseLengths, type CaseOperand, type CheckCase } from './case';
import { Dice } from './dice';

/** What decides which kernels a case needs, besides whether it has features. A software adapter compiles them for seconds. */
export type CaseKernels = Pick<CheckCase, 'D' | 'Dv' | 'dtype' | 'tiles'>;

/** What random cases may be drawn from. */
export interface RandomCaseLimits {
  /** One of these; without them, any. */
  readonly kernels?: readonly CaseKernels[];
  readonly longest: number;
  /** Products of a matrix product of queries and keys, B*H*Nq*Nk*(D+Dv). */
  readonly products: number;
}

/** Sequences up to this length, and the work of a head or two of them. */
export const randomCaseLimits = (longest: number): RandomCaseLimits => ({ longest, products: 100 * longest ** 2 });

const HEAD_SIZES: readonly (readonly [number, number])[] = [
  ...[1, 2, 3, 4, 7, 8, 15, 16, 20, 31, 32, 33, 64, 80, 128].map((D) => [D, D] as const),
  ...([
    [16, 5],
    [5, 16],
    [7, 12],
    [64, 32],
    [33, 65],
    [1, 128],
  ] as const),
];

/** Sizes that every adapter's workgroup memory holds at the head sizes above. */
const TILE_SIZES = [1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 20];

function drawKernels(dice: Dice): CaseKernels {
  const [D, Dv] = dice.pick(HEAD_SIZES);
  const tiles = dice.chance(0.25) ? { br: dice.pick(TILE_SIZES), bc: dice.pick(TILE_SIZES) } : null;
  return { D, Dv, dtype: dice.chance(0.3) ? 'f16' : 'f32', tiles };
}

/** Seeds in a row that share their kernels. */
const SAME_KERNELS = 16;

// One, a tile, its neighbours.
const AWKWARD = [1, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 49, 63, 64, 65, 96, 127, 128, 129];
const HEADS = [
  ...([
    [1, 1],
    [1, 1],
    [2, 2],
    [2, 1],
    [3, 3],
    [4, 2],
    [4, 1],
    [6, 3],
    [6, 2],
    [5, 1],
  ] as const),
];

/**
 * A case that the seed decides, over all options at once. Half of the options are usual in most cases, so that few of them meet
 * and what they hide is seen.
 */
export function randomCase(seed: number, limits = randomCaseLimits(200)): CheckCase {
  const dice = new Dice(seed);
  const kernels = limits.kernels
    ? dice.pick(limits.kernels)
    : drawKernels(new Dice(2 ** 32 - 1 - Math.floor(seed / SAME_KERNELS)));
  const { D, Dv, dtype } = kernels;
  const [H, Hk] = dice.pick(HEADS);
  const longest = Math.max(1, Math.min(limits.longest, Math.floor(Math.sqrt(limits.products / (H * (D + Dv))))));
  const packing = D === Dv && dice.chance(0.15) ? dice.pick(['qkv', 'kv'] as const) : 'none';
  const drawn = packing === 'none' && dice.chance(0.3) ? packedSizes(dice, longest) : denseSizes(dice, longest);
  const sizes = packing === 'qkv' ? { ...drawn, Nk: drawn.Nq } : drawn;
  // As many batch entries as the work allows; sequences are shorter already.
  const most = Math.floor(limits.products / Math.max(1, H * sizes.Nq * sizes.Nk * (D + Dv)));
  const B = sizes.lengths ? sizes.lengths.q.length : Math.max(1, Math.min(most, dice.pick([1, 1, 2, 3])));
  return {
    ...CASE_DEFAULTS,
    ...kernels,
    ...{ B, H, Hk, ...sizes },
    ...(packing === 'qkv' ? { Hk: H } : {}),
    packing,
    layout: packing === 'none' && !sizes.lengths && dice.chance(0.4) ? 'bnhd' : 'bhnd',
    ...drawBand(dice),
    ...drawFeaturesAndNumbers(dice, D, dtype),
    seed: Math.floor(dice.fraction() * 2 ** 32),
  };
}

type Sizes = Pick<CheckCase, 'Nq' | 'Nk' | 'lengths'>;

const drawLength = (dice: Dice, longest: number): number =>
  Math.min(longest, dice.chance(0.6) ? dice.pick(AWKWARD) : dice.whole(1, longest));

function denseSizes(dice: Dice, longest: number): Sizes {
  const Nq = drawLength(dice, longest);
  const Nk = dice.chance(0.3) ? Nq : drawLength(dice, longest);
  return { Nq, Nk, lengths: null };
}

function packedSizes(dice: Dice, longest: number): Sizes {
  const count = dice.whole(1, 5);
  const most = Math.max(1, Math.floor(longest / Math.sqrt(count)));
  const draw = (): number => (dice.chance(0.2) ? 0 : drawLength(dice, most));
  const lengths: CaseLengths = { q: Array.from({ length: count }, draw), k: Array.from({ length: count }, draw) };
  return { Nq: Math.max(...lengths.q), Nk: Math.max(...lengths.k), lengths };
}

function drawBand(dice: Dice): Pick<CheckCase, 'causal' | 'window'> {
  const bound = (): number => (dice.chance(0.3) ? -1 : dice.chance(0.3) ? 0 : dice.whole(1, 40));
  return { causal: dice.chance(0.35), window: dice.chance(0.3) ? [bound(), bound()] : null };
}

function drawFeatures(dice: Dice, dtype: FloatDType): Features {
  return {
    softcap: dice.chance(0.2) ? dice.pick([0.3, 2, 15, 50]) : 0,
    alibi: dice.chance(0.2) ? dice.pick(['head', 'batch']) : null,
    bias: dice.chance(0.3) ? drawOperand(dice, ['f32', dtype]) : null,
    mask: dice.chance(0.3) ? drawOperand(dice, ['bool', 'bool', 'f32', 'f16', 'i8']) : null,
    dropout: dice.chance(0.25) ? dice.pick([0.01, 0.1, 0.5, 0.9]) : 0,
  };
}

function drawOperand(dice: Dice, dtypes: readonly CaseOperand['dtype'][]): CaseOperand {
  const all = ['b', 'h', 'q', 'k'].map((letter) => (dice.chance(0.4) ? '1' : letter)).join('');
  const axes = dice.chance(0.3) ? all.slice(dice.whole(0, 3)) : all;
  return { axes, dtype: dice.pick(dtypes), forbids: dice.chance(0.5) };
}

type Features = Pick<CheckCase, 'softcap' | 'alibi' | 'bias' | 'mask' | 'dropout'>;
type Numbers = Pick<CheckCase, 'scale' | 'times' | 'values'>;

/**
 * Where huge products cancel to a small score, any f32 sum is off by their rounding, and behind a soft cap the gradient of that one
 * score decides; what is allowed is made of the capped scores and knows nothing of it. So huge ones are not capped.
 */
function drawFeaturesAndNumbers(dice: Dice, D: number, dtype: FloatDType): Features & Numbers {
  const [features, numbers] = [drawFeatures(dice, dtype), drawNumbers(dice, D, dtype)];
  return { ...features, ...numbers, times: features.softcap > 0 ? Math.min(numbers.times, 5) : numbers.times };
}

function drawNumbers(dice: Dice, D: number, dtype: FloatDType): Numbers {
  const values = dice.chance(0.15) ? dice.pick(['equal', 'shifted', 'subnormal'] as const) : 'normal';
  if (dice.chance(0.75)) return { scale: defaultScale(D), times: 1, values };
  // Scores near 1e4 at most; what float16 holds of them and of the gradients is finite.
  const times = dice.pick(dtype === 'f16' ? [1e-3, 5, 40] : [1e-3, 5, 40, 100]);
  const scale = times < 10 && dice.chance(0.5) ? dice.pick([0, -0.5, 1.3, -2]) : defaultScale(D);
  return { scale, times, values };
}

import type { AttentionOptions } from '../api/options';
import type { Band, Layout, Problem, ScoreOperand } from '../api/problem';
import type { DType, FloatDType } from '../tensor/dtype';

/** Tensor over the scores, as a case draws it. */
export interface CaseOperand {
  /**
   * Its shape by letters: 'b', 'h', 'q', 'k' for an axis as long as B, H, Nq, Nk, '1' for one that is broadcast, leading axes
   * left out where they are missing: '1h1k', 'qk'.
   */
  readonly axes: string;
  readonly dtype: DType;
  /** Whether some whole rows forbid all keys, and in a bias some entries besides (-Infinity); a mask has such entries anyway. */
  readonly forbids: boolean;
}

/** Lengths of packed sequences; attentionVarlen is called. */
export interface CaseLengths {
  readonly q: readonly number[];
  readonly k: readonly number[];
}

/**
 * One input of `check`: a call of attention and how its numbers are drawn. Any algorithm may be given it.
 *
 * Sizes as in Problem; with `lengths`, B is their number and Nq and Nk are the longest.
 */
export interface CheckCase {
  readonly B: number;
  readonly H: number;
  readonly Hk: number;
  readonly Nq: number;
  readonly Nk: number;
  readonly D: number;
  readonly Dv: number;
  readonly lengths: CaseLengths | null;
  readonly causal: boolean;
  readonly window: readonly [number, number] | null;
  readonly softcap: number;
  /** Slopes per head, or per batch and head. */
  readonly alibi: 'head' | 'batch' | null;
  readonly bias: CaseOperand | null;
  readonly mask: CaseOperand | null;
  /** Its seed is that of the case. */
  readonly dropout: number;
  /** Of dense cases whose tensors are not packed; those of the others is fixed. */
  readonly layout: Layout;
  /** q, k and v, or k and v, in one tensor: the packed calls of dense attention, with D = Dv and for 'qkv' Nq = Nk, H = Hk. */
  readonly packing: 'none' | 'qkv' | 'kv';
  readonly dtype: FloatDType;
  readonly scale: number;
  /** q and k are multiplied by this factor; scores grow with its square. */
  readonly times: number;
  /**
   * Standard normal numbers; the same query and the same key everywhere, so that all scores are equal; keys and values around a row far
   * from 0, as behind a bias; or numbers below the normal range of the dtype.
   */
  readonly values: 'normal' | 'equal' | 'shifted' | 'subnormal';
  /** Where the algorithm takes them. */
  readonly tiles: { readonly br: number; readonly bc: number } | null;
  readonly seed: number;
}

/** The usual, but for what depends on sizes. */
export const CASE_DEFAULTS = {
  ...{ lengths: null, causal: false, window: null, softcap: 0, alibi: null, bias: null, mask: null, dropout: 0 },
  ...{ layout: 'bhnd', packing: 'none', dtype: 'f32', times: 1, values: 'normal', tiles: null, seed: 0 },
} as const satisfies Partial<CheckCase>;

export const defaultScale = (D: number): number => 1 / Math.sqrt(D);

const sum = (lengths: readonly number[]): number => lengths.reduce((total, n) => total + n, 0);

/** Offsets of packed sequences: 0, then the sum of the lengths so far. */
export function offsets(lengths: readonly number[]): number[] {
  let total = 0;
  return [0, ...lengths.map((n) => (total += n))];
}

/** Shapes of what a case holds, in the reference's order: (B,heads,N,width) or (total,heads,width). */
export function caseShapes({ B, H, Hk, Nq, Nk, D, Dv, lengths }: CheckCase): Record<CaseRows | 'lse', number[]> {
  const [totalQ, totalK] = lengths ? [sum(lengths.q), sum(lengths.k)] : [0, 0];
  const rows = (total: number, heads: number, N: number, width: number): number[] =>
    lengths ? [total, heads, width] : [B, heads, N, width];
  return {
    q: rows(totalQ, H, Nq, D),
    k: rows(totalK, Hk, Nk, D),
    v: rows(totalK, Hk, Nk, Dv),
    out: rows(totalQ, H, Nq, Dv),
    lse: lengths ? [H, totalQ] : [B, H, Nq],
  };
}

/** Tensors whose order the layout decides. */
export type CaseRows = 'q' | 'k' | 'v' | 'out';

/** Shape of a bias or mask, with as many axes as its letters. */
export function operandShape({ B, H, Nq, Nk }: CheckCase, { axes }: CaseOperand): number[] {
  const sizes: Record<string, number> = { b: B, h: H, q: Nq, k: Nk };
  return [...axes].map((letter) => sizes[letter] ?? 1);
}

/** Slopes (B,H) of ALiBi: those of its paper, and other ones in each batch entry. They are float32 numbers. */
export function caseSlopes({ B, H, alibi }: CheckCase): number[][] | null {
  if (!alibi) return null;
  const slope = (b: number, h: number): number => 2 ** (-(8 * (h + 1)) / H) / (alibi === 'batch' ? b + 1 : 1);
  return Array.from({ length: B }, (_, b) => Array.from({ length: H }, (_, h) => Math.fround(slope(b, h))));
}

/** The options of the call, but for the tensors among them. */
export function caseOptions(c: CheckCase): AttentionOptions {
  const slopes = caseSlopes(c);
  return {
    ...{ scale: c.scale, causal: c.causal, softcap: c.softcap },
    ...(c.window ? { window: c.window } : {}),
    ...(slopes ? { alibiSlopes: c.alibi === 'batch' ? slopes : slopes[0] } : {}),
    ...(c.dropout > 0 ? { dropout: c.dropout, seed: c.seed } : {}),
    ...(c.lengths || c.packing !== 'none' ? {} : { layout: c.layout }),
  };
}

/** What the reference is asked. It does not go through the options, so that a wrong reading of them shows. */
export function caseProblem(c: CheckCase): Problem {
  const { B, H, Hk, Nq, Nk, D, Dv, layout, dtype, scale, softcap, lengths } = c;
  const operand = (given: CaseOperand | null): ScoreOperand | null => {
    if (!given) return null;
    const shape = operandShape(c, { ...given, axes: given.axes.padStart(4, '1') });
    return { shape: shape as unknown as ScoreOperand['shape'], dtype: given.dtype };
  };
  const slopes = caseSlopes(c);
  return {
    ...{ B, H, Hk, Nq, Nk, D, Dv, layout, dtype, scale, softcap, packing: 'none' },
    band: caseBand(c),
    alibiSlopes: slopes && Float32Array.from(slopes.flat()),
    bias: operand(c.bias),
    mask: operand(c.mask),
    dropout: c.dropout > 0 ? { p: c.dropout, seed: c.seed } : null,
    sequences: lengths && {
      cuSeqlensQ: Int32Array.from(offsets(lengths.q)),
      cuSeqlensK: Int32Array.from(offsets(lengths.k)),
    },
  };
}

function caseBand({ causal, window }: CheckCase): Band {
  const [left, right] = (window ?? [-1, -1]).map((n) => (n < 0 ? Infinity : n));
  return { left, right: causal ? Math.min(0, right) : right };
}

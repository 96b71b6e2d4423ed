import { attention } from '../api/attention';
import type { Algorithm, AttentionOptions } from '../api/options';
import { device } from '../device/default-device';
import { compare, gatherRows } from '../reference';
import { coordinates, exchangeAxes, shapeOf } from '../tensor/layout';
import { tensor, type Tensor } from '../tensor/tensor';
import { caseName, type CheckCase } from './case-name';
import { caseTruth, outputs, type CaseTruth, type Output } from './case-truth';

/** One output of one case under one algorithm. `npx flashlab check` prints these. */
export interface CheckRow {
  /** The case by its parameters; `check({ filter: name })` runs it again. */
  readonly case: string;
  /** Name of the adapter that computed it. */
  readonly adapter: string;
  readonly algorithm: Algorithm;
  readonly dtype: 'f32';
  readonly output: Output;
  /** Largest |output - float64 reference|; Infinity where the output is NaN or infinite. */
  readonly error: number;
  readonly allowed: number;
  readonly ok: boolean;
  /** Where a failed output is most wrong: place in 'bhnd' order, what came and what was expected. */
  readonly worst?: { readonly at: readonly number[]; readonly actual: number; readonly expected: number };
}

/** Options of `flash.attention` that a check may add to those of the case. */
export type CheckCaseOptions = Pick<AttentionOptions, 'tiles' | 'signal'>;

/**
 * Runs attention forward and backward on the current device with the case's inputs, and compares out, lse, dq, dk and dv with
 * the float64 reference; the allowed errors are those of the contract (see `allowedError`). Rejects where attention does.
 */
export async function checkCase(
  c: CheckCase | CaseTruth,
  algorithm: Algorithm,
  options: CheckCaseOptions = {},
): Promise<CheckRow[]> {
  const truth = 'expected' in c ? c : await caseTruth(c);
  const actual = await compute(truth, algorithm, options);
  const shared = { case: caseName(truth.case), adapter: (await device()).name, algorithm, dtype: 'f32' } as const;
  return outputs.map((output) => {
    const { reference, allowed } = truth.expected[output];
    const { error, ok, worst } = compare(actual[output], reference, allowed);
    const row = { ...shared, output, error, allowed, ok };
    if (ok) return row;
    const at = coordinates(wholeIndex(worst, output, truth), outputShape(truth.case, output));
    return { ...row, worst: { at, actual: actual[output][worst], expected: reference[worst] } };
  });
}

type Actual = Record<Output, Float32Array | Float64Array>;

/** Outputs in 'bhnd' order, out, lse and dq reduced to the rows that the truth holds. */
async function compute(truth: CaseTruth, algorithm: Algorithm, options: CheckCaseOptions): Promise<Actual> {
  const { B, H, Hk, Nq, Nk, D, Dv, layout, scale, causal } = truth.case;
  const alive: { dispose(): void }[] = [];
  const keep = <T extends { dispose(): void }>(x: T): T => {
    alive.push(x);
    return x;
  };
  const upload = (x: Float32Array, heads: number, N: number, width: number): Tensor => {
    const data = layout === 'bhnd' ? x : exchangeAxes(x, B, heads, N, width);
    return keep(tensor(data, shapeOf(layout, B, heads, N, width)));
  };
  const download = async (x: Tensor, heads: number, N: number, width: number): Promise<Float32Array> => {
    const data = await x.data();
    return layout === 'bhnd' ? data : exchangeAxes(data, B, N, heads, width);
  };
  const chosen = (x: Float32Array, width: number) => (truth.rows ? gatherRows(x, truth.rows, width) : x);
  try {
    const { q, k, v, dout } = truth.inputs;
    const forward = keep(
      await attention(upload(q, H, Nq, D), upload(k, Hk, Nk, D), upload(v, Hk, Nk, Dv), {
        ...{ scale, causal, layout, algorithm },
        ...options,
      }),
    );
    const { dq, dk, dv } = await forward.backward(upload(dout, H, Nq, Dv), { signal: options.signal });
    alive.push(dq, dk, dv);
    return {
      out: chosen(await download(forward.out, H, Nq, Dv), Dv),
      lse: chosen(await forward.lse.data(), 1),
      dq: chosen(await download(dq, H, Nq, D), D),
      dk: await download(dk, Hk, Nk, D),
      dv: await download(dv, Hk, Nk, Dv),
    };
  } finally {
    for (const x of alive) x.dispose();
  }
}

/** Shape of an output in 'bhnd' order. */
function outputShape({ B, H, Hk, Nq, Nk, D, Dv }: CheckCase, output: Output): number[] {
  return { out: [B, H, Nq, Dv], lse: [B, H, Nq], dq: [B, H, Nq, D], dk: [B, Hk, Nk, D], dv: [B, Hk, Nk, Dv] }[output];
}

/** Index in the whole output of an index in what was compared, which is the chosen rows only where rows were chosen. */
function wholeIndex(index: number, output: Output, { case: c, rows }: CaseTruth): number {
  if (!rows || output === 'dk' || output === 'dv') return index;
  const width = { out: c.Dv, lse: 1, dq: c.D }[output];
  return rows[Math.floor(index / width)] * width + (index % width);
}

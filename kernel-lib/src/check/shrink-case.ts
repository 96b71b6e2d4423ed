import { CASE_DEFAULTS, defaultScale, type CaseLengths, type CaseOperand, type CheckCase } from './case';

/**
 * The smallest case found that still fails: each simplification of `smallerCases` is tried, and the first one that fails
 * becomes the case to make smaller, until none does or `tries` are used up.
 */
export async function shrinkCase(
  failing: CheckCase,
  fails: (c: CheckCase) => Promise<boolean>,
  tries = 300,
): Promise<CheckCase> {
  let best = failing;
  let left = tries;
  const shrinkOnce = async (): Promise<boolean> => {
    for (const candidate of smallerCases(best)) {
      if (left-- <= 0) return false;
      if (!(await fails(candidate))) continue;
      best = candidate;
      return true;
    }
    return false;
  };
  while (await shrinkOnce());
  return best;
}

/** Cases one step simpler, the largest steps first; none leads back, so that shrinking ends. */
export function* smallerCases(c: CheckCase): Generator<CheckCase> {
  for (const candidate of simplifications(c)) if (isCall(candidate)) yield candidate;
}

/** Whether sizes are those of a call: packed operands have the same. */
function isCall({ packing, H, Hk, Nq, Nk, D, Dv }: CheckCase): boolean {
  if (packing === 'none') return true;
  return D === Dv && (packing === 'kv' || (H === Hk && Nq === Nk));
}

function* simplifications(c: CheckCase): Generator<CheckCase> {
  const usual: (keyof typeof CASE_DEFAULTS)[] = [
    ...(['dropout', 'mask', 'bias', 'alibi', 'softcap', 'window', 'causal'] as const),
    ...(['tiles', 'layout', 'packing', 'times', 'values', 'dtype'] as const),
  ];
  // The dense case of the longest lengths.
  if (c.lengths && c.Nq > 0 && c.Nk > 0) yield { ...c, lengths: null };
  for (const name of usual) {
    if (c[name] !== CASE_DEFAULTS[name]) yield withUsual(c, name);
  }
  if (c.scale !== defaultScale(c.D)) yield { ...c, scale: defaultScale(c.D) };
  if (c.B > 1 && !c.lengths) yield { ...c, B: 1 };
  if (c.H > 1) yield { ...c, H: 1, Hk: 1 };
  if (c.Hk < c.H) yield { ...c, H: c.Hk };
  if (c.Hk > 1) yield { ...c, H: c.H / c.Hk, Hk: 1 };
  yield* c.lengths ? shorterSequences(c, c.lengths) : shorter(c);
  for (const n of less(c.D)) yield withHeadSize(c, n, c.packing === 'none' ? c.Dv : n);
  for (const n of less(c.Dv)) yield withHeadSize(c, c.D, n);
  yield* simplerOperands(c);
  if (c.seed !== 0) yield { ...c, seed: 0 };
}

function withUsual(c: CheckCase, name: keyof typeof CASE_DEFAULTS): CheckCase {
  const changed = { ...c, [name]: CASE_DEFAULTS[name] };
  // A bias of q's dtype stays one.
  return name === 'dtype' && c.bias ? { ...changed, bias: { ...c.bias, dtype: 'f32' } } : changed;
}

function withHeadSize(c: CheckCase, D: number, Dv: number): CheckCase {
  return { ...c, D, Dv, scale: c.scale === defaultScale(c.D) ? defaultScale(D) : c.scale };
}

/** A half, and one less. */
const less = (n: number, least = 1): number[] =>
  [...new Set([Math.floor(n / 2), n - 1])].filter((m) => m >= least && m < n);

function* shorter(c: CheckCase): Generator<CheckCase> {
  if (c.Nq === c.Nk) for (const N of less(c.Nq)) yield { ...c, Nq: N, Nk: N };
  for (const Nq of less(c.Nq)) yield { ...c, Nq };
  for (const Nk of less(c.Nk)) yield { ...c, Nk };
}

function* shorterSequences(c: CheckCase, { q, k }: CaseLengths): Generator<CheckCase> {
  const packed = (lengths: CaseLengths): CheckCase => ({
    ...{ ...c, lengths, B: lengths.q.length },
    ...{ Nq: Math.max(...lengths.q), Nk: Math.max(...lengths.k) },
  });
  const without = (list: readonly number[], t: number): number[] => list.filter((_, u) => u !== t);
  const put = (list: readonly number[], t: number, n: number): number[] => list.map((m, u) => (u === t ? n : m));
  for (let t = 0; q.length > 1 && t < q.length; t++) yield packed({ q: without(q, t), k: without(k, t) });
  for (let t = 0; t < q.length; t++) {
    for (const n of less(q[t], 0)) yield packed({ q: put(q, t, n), k });
    for (const n of less(k[t], 0)) yield packed({ q, k: put(k, t, n) });
  }
}

function* simplerOperands(c: CheckCase): Generator<CheckCase> {
  for (const name of ['bias', 'mask'] as const) {
    const operand = c[name];
    if (!operand) continue;
    const changed = (change: Partial<CaseOperand>): CheckCase => ({ ...c, [name]: { ...operand, ...change } });
    if (operand.forbids) yield changed({ forbids: false });
    const usual = name === 'bias' ? c.dtype : 'bool';
    if (operand.dtype !== usual) yield changed({ dtype: usual });
    for (let t = 0; t < operand.axes.length; t++) {
      const axes = `${operand.axes.slice(0, t)}1${operand.axes.slice(t + 1)}`;
      if (axes !== operand.axes) yield changed({ axes });
    }
    if (operand.axes.length > 1 && operand.axes.startsWith('1')) yield changed({ axes: operand.axes.slice(1) });
  }
}

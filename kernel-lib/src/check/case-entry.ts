import { CASE_DEFAULTS, defaultScale, type CaseOperand, type CheckCase } from './case';

type Operand = Partial<CaseOperand> & Pick<CaseOperand, 'axes'>;

/** What a table says of a case; the rest is usual: one batch, two heads of their own keys, 33 queries and keys, D 16. */
export type Entry = Omit<Partial<CheckCase>, 'bias' | 'mask'> & { bias?: Operand; mask?: Operand };

/** The case of an entry. */
export function completeCase({ bias, mask, ...entry }: Entry): CheckCase {
  const { lengths, dtype = 'f32' } = entry;
  const H = entry.H ?? 2;
  const D = entry.D ?? 16;
  const B = lengths?.q.length ?? entry.B ?? 1;
  const Nq = lengths ? Math.max(...lengths.q) : (entry.Nq ?? 33);
  const Nk = lengths ? Math.max(...lengths.k) : (entry.Nk ?? Nq);
  return {
    ...CASE_DEFAULTS,
    ...{ Hk: H, Dv: D, scale: defaultScale(D) },
    ...entry,
    ...{ B, H, Nq, Nk, D },
    bias: bias ? { dtype, forbids: false, ...bias } : null,
    mask: mask ? { dtype: 'bool', forbids: false, ...mask } : null,
  };
}

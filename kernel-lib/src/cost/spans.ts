import type { Problem } from '../api/problem';
import { sequenceLengths } from '../features/sequences';
import type { Span } from './tile-visits';

export type SpanSizes = Pick<Problem, 'B' | 'Nq' | 'Nk' | 'band' | 'sequences' | 'cache'>;

/** The sequences of a batch, those that are alike together: `count` of each. */
export function spans(problem: SpanSizes): (Span & { readonly count: number })[] {
  const { B, Nq, Nk, band, sequences, cache } = problem;
  if (!sequences && !cache) return [{ Nq, Nk, band, count: B }];
  return sequenceLengths(problem).map((lengths) => ({ ...lengths, band, count: 1 }));
}

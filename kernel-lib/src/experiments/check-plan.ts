import type { Problem } from '../api/problem';
import { sampleRows } from '../reference';

/** The queries of one key/value head: nothing outside it enters its results. */
export interface CheckGroup {
  readonly b: number;
  readonly hk: number;
  /** Rows as the reference of this group alone counts them: h * Nq + i, h from 0 within the group. */
  readonly rows: readonly number[];
}

/** Which query rows are compared with the float64 reference. */
export interface CheckPlan {
  readonly groups: readonly CheckGroup[];
  /** Rows of the whole problem, (b * H + h) * Nq + i, in the order of the groups. */
  readonly rows: readonly number[];
  readonly rowsTotal: number;
  /** Whether these are all rows. */
  readonly whole: boolean;
}

/** About 1.7 s of reference and yardstick, forward and backward, in units of rows * Nk * (D + Dv), on a slow machine. */
const BUDGET = 1e8;

/**
 * All rows where that is quick, else an evenly spread sample of them; the choice depends on sizes and seed alone. At least
 * two rows of a head are taken, and fewer heads where even that is too much.
 */
export function planCheck(problem: Problem, seed: number, budget = BUDGET): CheckPlan {
  const { B, H, Hk, Nq, Nk, D, Dv } = problem;
  const rowsTotal = B * H * Nq;
  const affordable = Math.floor(budget / (Nk * (D + Dv)));
  const count = B * Hk;
  const chosen = affordable >= 2 * count ? count : Math.max(1, Math.min(count, Math.floor(affordable / 2)));
  const rowsOfGroup = rowsTotal <= affordable ? Infinity : Math.max(2, Math.floor(affordable / chosen));
  const group = groupProblem(problem);
  const groups = Array.from({ length: chosen }, (_, t): CheckGroup => {
    const index = Math.floor((t * count) / chosen);
    const rows = sampleRows(group, rowsOfGroup, (seed + index) % 2 ** 32);
    return { b: Math.floor(index / Hk), hk: index % Hk, rows };
  });
  const perGroup = (H / Hk) * Nq;
  const rows = groups.flatMap(({ b, hk, rows: own }) => own.map((row) => (b * Hk + hk) * perGroup + row));
  return { groups, rows, rowsTotal, whole: rows.length === rowsTotal };
}

/** The problem of one key/value head and the query heads that read it, contiguous in 'bhnd' order. */
export function groupProblem(problem: Problem): Problem {
  return { ...problem, B: 1, H: problem.H / problem.Hk, Hk: 1, layout: 'bhnd' };
}

/** Cost of the check in seconds, roughly, for progress. */
export function checkSeconds({ Nk, D, Dv }: Problem, plan: CheckPlan): number {
  return (plan.rows.length * Nk * (D + Dv)) / 6e7;
}

import type { Problem } from '../api/problem';
import { sampleRows } from '../reference';

/** Which query rows are compared with the float64 reference. */
export interface CheckPlan {
  /** Rows by their index in lse, (b * H + h) * Nq + i, ascending. */
  readonly rows: readonly number[];
  readonly rowsTotal: number;
  /** Whether these are all rows. */
  readonly whole: boolean;
}

/** About 1.7 s of reference and yardstick, forward and backward, in units of rows * Nk * (D + Dv), on a slow machine. */
const BUDGET = 1e8;

/** All rows where that is quick, else an evenly spread sample of them, of two at least; sizes and seed alone decide. */
export function planCheck(problem: Problem, seed: number, budget = BUDGET): CheckPlan {
  const { B, H, Nq, Nk, D, Dv } = problem;
  const rowsTotal = B * H * Nq;
  const affordable = Math.max(2, Math.floor(budget / (Nk * (D + Dv))));
  const rows = sampleRows(problem, affordable, seed);
  return { rows, rowsTotal, whole: rows.length === rowsTotal };
}

/** Cost of the check in seconds, roughly, for progress. */
export function checkSeconds({ Nk, D, Dv }: Problem, plan: CheckPlan): number {
  return (plan.rows.length * Nk * (D + Dv)) / 6e7;
}

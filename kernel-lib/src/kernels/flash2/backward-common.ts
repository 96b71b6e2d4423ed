import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { applyFeatures, drawDropout, kept, type ScoreFeatures, type ScoreTile } from '../../features/score';
import { BY_FOURS, type RowAccess } from '../../wgsl/eights';
import { type Params, when } from '../../wgsl/params';
import { columnOf, columnsPerThread, eachRow, eachScore, innerProducts } from '../../wgsl/tiles';
import { featureAccess, headWgsl } from '../common';
import { boundKeyGradients } from '../outputs';

/** `load_row(b, h, seq, i)`: (lse, delta) of a query, see delta.ts; 0 where there is none. */
const LOAD_ROW_WGSL = `
fn load_row(b: u32, h: u32, seq: Sequence, i: u32) -> vec2f {
  var row = vec2f();
  if (i < seq.Nq) { row = rows[base(b, h, params.rows_strides, seq.q0 + i)]; }
  return row;
}`;

/**
 * What the gradient kernels begin with: inputs at bindings 1 to 5, features from `features` on, how to load rows.
 * @param enable what the module must begin with
 */
export const backwardWgsl = (
  enable: string,
  { D, Dv, dtype }: Problem,
  f: ScoreFeatures,
  params: Params,
  features: number,
  { array, load }: RowAccess = BY_FOURS,
): string => `
${enable}
${headWgsl(f, params, features)}
${array(1, 'read', 'q', D, dtype)}
${array(2, 'read', 'k', D, dtype)}
${array(3, 'read', 'v', Dv, dtype)}
${array(4, 'read', 'dout', Dv, dtype)}
@group(0) @binding(5) var<storage, read> rows: array<vec2f>;
${load('q', D, dtype)}
${load('k', D, dtype)}
${load('v', Dv, dtype)}
${load('dout', Dv, dtype)}
${LOAD_ROW_WGSL}`;

/** Declares row0, row1, …: (lse, delta) of the queries of a thread, which are its rows or its columns. */
export function loadRowStates({ tile: t, own }: ScoreTile): string {
  if (own === 'queries') return eachRow(t, (r) => `let row${r} = load_row(b, h, seq, i0 + y0 + ${r}u);`);
  const columns = Array.from({ length: columnsPerThread(t) }, (_, c) => c);
  return columns.map((c) => `let row${c} = load_row(b, h, seq, i0 + ${columnOf(t, c)});`).join('\n');
}

/** WGSL: (lse, delta) of the query of score (r, c). */
export const rowState = ({ own }: Pick<ScoreTile, 'own'>, r: number, c: number): string =>
  `row${own === 'queries' ? r : c}`;

/**
 * p_r_c = exp2(features(S) - lse), and the draws of dropout. No p is above 1: where scores are huge, the rounding of lse alone
 * would make it so.
 */
export const probabilities = (f: ScoreFeatures, s: ScoreTile, own: string, stage: string, D: number): string => `
${innerProducts(s.tile, 'p', own, stage, D)}
${applyFeatures(f, s, 'p', 'slope')}
${eachScore(s.tile, (r, c) => `p_${r}_${c} = exp2(min(p_${r}_${c} - ${rowState(s, r, c)}.x, 0.0));`)}
${drawDropout(f, s)}`;

/** ds_r_c = P * (dropout(dO V^T) - delta): the gradient of the scores that softmax took; V is staged with valueScale. */
export const scoreGradients = (f: ScoreFeatures, s: ScoreTile, own: string, stage: string, Dv: number): string => `
${innerProducts(s.tile, 'ds', own, stage, Dv)}
${eachScore(s.tile, (r, c) => `ds_${r}_${c} = p_${r}_${c} * (${kept(f, s, r, c, `ds_${r}_${c}`)} - ${rowState(s, r, c)}.y);`)}`;

/** WGSL: the gradient of scale q.k of score (r, c), behind the soft cap. */
export const rawGradient = (f: ScoreFeatures, r: number, c: number): string =>
  f.softcap ? `ds_${r}_${c} * slope_${r}_${c}` : `ds_${r}_${c}`;

/**
 * What the kernels of dK and dV begin with, and how their buffers are bound.
 * @param writes both, or one where the device cannot bind as many tensors
 */
export function keyGradientsWgsl(
  enable: string,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  writes: readonly ('dk' | 'dv')[],
  rows: RowAccess = BY_FOURS,
): { begin: string; access: Kernel['access'] } {
  const { D, Dv, dtype } = p;
  const names = boundKeyGradients(p, writes);
  const size = { dk: D, dv: Dv };
  return {
    begin: `
${backwardWgsl(enable, p, f, params, 6 + names.length, rows)}
${names.map((name, n) => rows.array(6 + n, 'read_write', name, size[name], dtype)).join('\n')}
${when(writes.includes('dk'), rows.store('dk', D, dtype))}
${when(writes.includes('dv'), rows.store('dv', Dv, dtype, names.at(-1)))}`,
    access: ['read', 'read', 'read', 'read', 'read', ...names.map(() => 'read_write' as const), ...featureAccess(f)],
  };
}

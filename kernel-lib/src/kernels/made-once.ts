import type { Problem } from '../api/problem';
import type { Kernel } from '../device/pipeline-cache';
import type { ScoreFeatures } from '../features/score';
import { type Params, paramsStruct } from '../wgsl/params';

const made = new Map<string, Kernel>();

/**
 * Kernels of a problem that are written once for all problems that differ in nothing that their text depends on: head sizes, dtype,
 * features, names of the uniforms, and what `key` names. Writing the text takes longer than a small kernel runs.
 */
export function madeOnce(
  { D, Dv, dtype, packing, cache }: Problem,
  f: ScoreFeatures,
  params: Params,
): (key: readonly unknown[], make: () => Kernel) => Kernel {
  const shared = JSON.stringify([D, Dv, dtype, packing, cache?.element, f, paramsStruct(params)]);
  return (key, make) => {
    const whole = `${shared}${JSON.stringify(key)}`;
    const kernel = made.get(whole) ?? make();
    made.set(whole, kernel);
    return kernel;
  };
}

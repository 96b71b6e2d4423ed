import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { chooseBackward, chooseForward, type GpuCall } from './choose-path';

/** Plans by what they depend on, for each object of facts. */
const plans = new WeakMap<DeviceFacts, Map<string, Plan>>();

/** So many are kept, the ones used last. */
const KEPT = 32;

/** The plan of a call: the same object for the same call, so that what was prepared for it is found again. */
export function planOf(pass: 'forward' | 'backward', call: GpuCall, facts: DeviceFacts): Plan {
  const choose = pass === 'forward' ? chooseForward : chooseBackward;
  const { problem, algorithm, tiles } = call;
  // Positions in packed batches and caches differ from call to call.
  if (problem.sequences || problem.cache) return choose(call, facts);
  const known = plans.get(facts) ?? new Map<string, Plan>();
  plans.set(facts, known);
  const key = JSON.stringify([pass, algorithm, tiles, problem]);
  const plan = known.get(key) ?? choose(call, facts);
  known.delete(key);
  known.set(key, plan);
  if (known.size > KEPT) known.delete(known.keys().next().value!);
  return plan;
}

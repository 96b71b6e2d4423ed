import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { chooseBackward, chooseForward, type GpuCall } from './choose-path';

/** A plan and what it depends on besides the facts. */
interface Planned {
  readonly pass: 'forward' | 'backward';
  readonly call: Pick<GpuCall, 'problem' | 'algorithm' | 'tiles'>;
  readonly plan: Plan;
}

/** For each object of facts, the one used last first. */
const known = new WeakMap<DeviceFacts, Planned[]>();

/** So many are kept. */
const KEPT = 32;

/** Whether two plain values are made of the same parts. Names of keys are those of `a`. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  for (const key in a) if (!same(a[key as keyof typeof a], b[key as keyof typeof b])) return false;
  return true;
}

/** The plan of a call: the same object for the same call, so that what was prepared for it is found again. */
export function planOf(pass: 'forward' | 'backward', call: GpuCall, facts: DeviceFacts): Plan {
  const choose = pass === 'forward' ? chooseForward : chooseBackward;
  const { problem, algorithm, tiles } = call;
  // Positions in packed batches and caches differ from call to call.
  if (problem.sequences || problem.cache) return choose(call, facts);
  const plans = known.get(facts) ?? [];
  known.set(facts, plans);
  const wanted = { problem, algorithm, tiles };
  // A text as the key would take as long to write as a small kernel to submit.
  const at = plans.findIndex((one) => one.pass === pass && same(one.call, wanted) && same(wanted, one.call));
  const found = at < 0 ? { pass, call: wanted, plan: choose(call, facts) } : plans.splice(at, 1)[0];
  plans.unshift(found);
  if (plans.length > KEPT) plans.pop();
  return found.plan;
}

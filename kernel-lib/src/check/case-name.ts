import { FlashError } from '../api/errors';
import type { Problem } from '../api/problem';

/** One input of `check`: a problem, how its numbers are drawn, and nothing else. */
export interface CheckCase extends Problem {
  /** q and k are standard normal numbers times this factor; scores grow with its square. */
  readonly times: number;
  readonly seed: number;
}

const sizes = ['B', 'H', 'Hk', 'Nq', 'Nk', 'D', 'Dv'] as const;

/**
 * The name of a case: its parameters, so that a failed case can be pasted back, for example
 * `B1_H4_Hk2_Nq33_Nk65_D64_Dv64_causal_bnhd_scale-0.5_times60_seed3`. The usual (full attention, 'bhnd', scale 1/sqrt(D),
 * times 1) is left out.
 */
export function caseName(c: CheckCase): string {
  return [
    ...sizes.map((size) => size + c[size]),
    ...(c.causal ? ['causal'] : []),
    ...(c.layout === 'bhnd' ? [] : [c.layout]),
    ...(c.scale === 1 / Math.sqrt(c.D) ? [] : [`scale${c.scale}`]),
    ...(c.times === 1 ? [] : [`times${c.times}`]),
    `seed${c.seed}`,
  ].join('_');
}

const number = String.raw`(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)`;
const pattern = new RegExp(
  `^${sizes.map((size) => String.raw`${size}(\d+)`).join('_')}` +
    `(_causal)?(_bnhd)?(?:_scale${number})?(?:_times${number})?_seed(\\d+)$`,
);

/** Whether `parseCase` takes this text. */
export function isCaseName(name: string): boolean {
  return pattern.test(name);
}

/** The case of a name made by `caseName`. Throws a FlashError (INVALID_ARGUMENT) where the name is not one. */
export function parseCase(name: string): CheckCase {
  const parts = pattern.exec(name);
  if (!parts) {
    throw new FlashError(
      'INVALID_ARGUMENT',
      `case: expected a name like B1_H2_Hk1_Nq33_Nk65_D64_Dv64_causal_seed0, got '${name}'`,
    );
  }
  const [B, H, Hk, Nq, Nk, D, Dv] = parts.slice(1, 8).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [causal, layout, scale, times, seed] = parts.slice(8);
  return {
    ...{ B, H, Hk, Nq, Nk, D, Dv },
    scale: scale === undefined ? 1 / Math.sqrt(D) : Number(scale),
    causal: causal !== undefined,
    layout: layout === undefined ? 'bhnd' : 'bnhd',
    times: times === undefined ? 1 : Number(times),
    seed: Number(seed),
  };
}

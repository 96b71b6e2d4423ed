import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import { vec4s } from '../../wgsl/tiles';

/** `br` queries and `bc` keys. */
export interface Flash1Tile {
  readonly br: number;
  readonly bc: number;
}

export type Flash1Pass = 'forward' | 'backward';

type HeadSizes = Pick<Problem, 'D' | 'Dv'>;

/** Threads of a workgroup. */
export const threadsOf = ({ kind, maxInvocations }: DeviceFacts): number =>
  Math.min(kind === 'software' ? 32 : 128, maxInvocations);

/** Bytes of workgroup memory. */
export function flash1Bytes(pass: Flash1Pass, { br, bc }: Flash1Tile, { D, Dv }: HeadSizes): number {
  const [D4, Dv4] = [16 * vec4s(D), 16 * vec4s(Dv)];
  // Numbers of S, P, dS and delta; WebGPU begins every array at a multiple of 16 bytes.
  const numbers = (count: number): number => 16 * Math.ceil(count / 4);
  return pass === 'forward'
    ? // K_j, V_j, Q_i, S and two factors a row: O_i is read and written where it is.
      bc * (D4 + Dv4) + br * D4 + numbers(br * bc) + numbers(2 * br)
    : // K_j, V_j, dK_j, dV_j, Q_i, dO_i, P, dS and delta.
      (2 * bc + br) * (D4 + Dv4) + 2 * numbers(br * bc) + numbers(br);
}

/**
 * The tile of FlashAttention-1 (Dao 2022, Algorithm 1, line 1): Bc = ceil(M / 4d), Br = min(ceil(M / 4d), d), M being the
 * elements of workgroup memory that S, m and l leave. d is the mean row length of K and V, padded to fours as they are stored.
 * The backward has twice as much to keep on chip and takes the largest such tile that fits.
 */
export function chooseFlash1Tile(pass: Flash1Pass, sizes: HeadSizes, facts: DeviceFacts): Flash1Tile {
  const d = 2 * (vec4s(sizes.D) + vec4s(sizes.Dv));
  const elements = facts.workgroupStorage / 4;
  let bc = Math.ceil(elements / (4 * d));
  const tile = (): Flash1Tile => ({ br: Math.min(bc, d), bc });
  const left = ({ br }: Flash1Tile): number => elements - br * bc - 2 * br;
  const fits = (t: Flash1Tile): boolean =>
    bc <= Math.ceil(left(t) / (4 * d)) && flash1Bytes(pass, t, sizes) <= facts.workgroupStorage;
  while (bc > 1 && !fits(tile())) bc--;
  return tile();
}

import type { DeviceFacts } from '../device/device';
import type { TileShape } from './tiles';

/** Families of devices that want tiles of their own. */
type Family = 'hardware' | 'software' | 'swiftshader';

const familyOf = ({ kind, driver }: DeviceFacts): Family => (driver === 'swiftshader' ? 'swiftshader' : kind);

/**
 * [own, step] from the best down to what fits anywhere. On a GPU many threads share a tile and each keeps four rows. A
 * driver on a CPU runs the threads of a workgroup as the lanes of one vector register, pays for every barrier and
 * compiles slowly, so a workgroup there is one vector wide and its thread keeps as many rows as stay in registers.
 * SwiftShader compiles every load lane by lane, so there a workgroup is its subgroup of four and tiles are smaller.
 */
const TABLE: Record<Family, readonly (readonly [number, number])[]> = {
  // prettier-ignore
  hardware: [[64, 32], [32, 32], [32, 16], [16, 16], [8, 16], [4, 16], [4, 8], [2, 8], [2, 4]],
  // prettier-ignore
  software: [[8, 32], [8, 16], [4, 16], [4, 8], [2, 8], [1, 8], [2, 4]],
  // prettier-ignore
  swiftshader: [[8, 16], [4, 16], [4, 8], [2, 8], [1, 8], [2, 4]],
};

/** Rows of a thread, at the most. */
const ROWS = { hardware: 4, software: 8 };

/**
 * What flash.tune() tries beside the table. More rows a thread load less of workgroup memory for each product (at D 64 a score takes 0.375
 * vec4s with 8 rows, 0.5 with 4), but there are fewer threads to hide what a load takes.
 */
const MORE_SHAPES: Record<Family, readonly (readonly [number, number])[]> = {
  // prettier-ignore
  hardware: [[128, 32], [64, 64], [64, 16]],
  software: [],
  swiftshader: [],
};
const MORE_ROWS = { hardware: [4, 8], software: [8] };

/** vec4 accumulators of a thread, at the most: beyond, registers spill and compilation takes seconds. */
const ACCUMULATORS = 32;

/** Threads along the columns: on a CPU driver one subgroup, the lanes of a vector register. */
const columnThreads = ({ kind, subgroupSize }: DeviceFacts): number =>
  kind === 'software' && subgroupSize >= 4 && subgroupSize <= 16 ? subgroupSize : 8;

/**
 * How threads share an own x step tile; both numbers are rounded up to what that needs.
 * @param wanted rows of a thread, at the most, and whether its maxima pass from lane to lane
 */
export function shareTile(
  own: number,
  step: number,
  facts: DeviceFacts,
  { rows = ROWS[facts.kind], shuffle = false }: { readonly rows?: number; readonly shuffle?: boolean } = {},
): TileShape {
  const tx = columnThreads(facts);
  const most = Math.floor(facts.maxInvocations / tx);
  const ty = Math.min(most, Math.ceil(own / rows));
  const fours = Math.ceil(step / 4);
  const sx = [8, 4, 2, 1].find((n) => n <= Math.min(tx, fours)) ?? 1;
  return {
    own: Math.ceil(own / ty) * ty,
    step: Math.ceil(fours / sx) * sx * 4,
    tx,
    ty,
    sx,
    subgroup: ty === 1 && tx === facts.subgroupSize,
    shuffle: shuffle && canShuffle(tx, facts) ? facts.subgroupSize : 0,
    unroll: facts.kind === 'hardware' ? 4 : 1,
  };
}

/** Whether subgroups hold whole rows of threads, and the device numbers them. */
const canShuffle = (tx: number, { subgroupSize, subgroupIds }: DeviceFacts): boolean =>
  subgroupIds === true && subgroupSize >= tx && subgroupSize % tx === 0;

/** All shapes of the device's table. */
export const tableShapes = (facts: DeviceFacts): TileShape[] =>
  TABLE[familyOf(facts)].map(([own, step]) => shareTile(own, step, facts));

/** A shape and how its threads share it. */
interface Tried {
  readonly rows: number;
  readonly shape: TileShape;
}

/** Shapes that may be better than the table's on some device, and how many rows a thread of each has. */
export function triedShapes(facts: DeviceFacts, accumulators: (t: TileShape) => number): Tried[] {
  const shapes = [...MORE_SHAPES[familyOf(facts)], ...TABLE[familyOf(facts)]];
  const shared = MORE_ROWS[facts.kind].flatMap((rows) =>
    shapes.flatMap(([own, step]): Tried[] => {
      if (own < rows) return [];
      const through = { rows, shape: shareTile(own, step, facts, { rows }) };
      const shape = shareTile(own, step, facts, { rows, shuffle: true });
      // Small tiles are for small memories.
      return shape.shuffle && own >= 32 ? [through, { rows, shape }] : [through];
    }),
  );
  return shared.filter(({ shape }) => accumulators(shape) <= ACCUMULATORS);
}

/**
 * The first shape of the device's table whose workgroup memory fits and whose accumulators stay in registers, else the
 * smallest that fits.
 * @param bytes workgroup memory of a shape; the table's last one must fit 16 KiB, WebGPU's minimum
 * @param accumulators vec4 accumulators of a thread
 */
export function firstFit(
  facts: DeviceFacts,
  bytes: (t: TileShape) => number,
  accumulators: (t: TileShape) => number,
): TileShape {
  const fits = tableShapes(facts).filter((t) => bytes(t) <= facts.workgroupStorage);
  return fits.find((t) => accumulators(t) <= ACCUMULATORS) ?? fits[fits.length - 1];
}

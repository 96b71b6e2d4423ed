import { FlashError } from '../../api/errors';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Plan } from '../../device/plan';
import { firstFit } from '../../wgsl/choose-shape';
import type { Params } from '../../wgsl/params';
import { resultColumns, rowsPerThread } from '../../wgsl/tiles';
import { columnSumsStep } from './column-sums';
import { productBytes, productKernel } from './product';
import { BLOCK, weightedSumBytes, weightedSumKernel } from './weighted-sum';

/** output = input weight^T + bias over M rows; all by the names of their buffers. */
export interface Projection {
  /** (M,K) */
  readonly input: string;
  /** (M,N) */
  readonly output: string;
  /** (N,K) */
  readonly weight: string;
  /** (N) */
  readonly bias?: string;
  readonly K: number;
  readonly N: number;
}

type Buffers = Readonly<Record<string, GPUBuffer>>;

/** Rows that one binding holds of every matrix. Parts begin at multiples of 64 rows, which are multiples of 256 bytes. */
interface RowPart {
  readonly m0: number;
  readonly M: number;
  /** Whether there are no others. */
  readonly whole: boolean;
}

function rowParts(M: number, projections: readonly Projection[], { maxBinding }: DeviceFacts): RowPart[] {
  for (const { weight, K, N } of projections) {
    if (4 * K * N <= maxBinding) continue;
    throw new FlashError(
      'OUT_OF_MEMORY',
      `${weight}: expected at most ${maxBinding} bytes, what one binding of this device holds, got ${4 * K * N}.`,
    );
  }
  const width = Math.max(...projections.flatMap(({ K, N }) => [K, N]));
  const most = Math.max(64, Math.floor(maxBinding / (4 * width) / 64) * 64);
  if (M <= most) return [{ m0: 0, M, whole: true }];
  return Array.from({ length: Math.ceil(M / most) }, (_, n) => ({
    ...{ m0: n * most, M: Math.min(most, M - n * most), whole: false },
  }));
}

const bindRows = (buffer: GPUBuffer, { m0, M, whole }: RowPart, width: number): GPUBufferBinding =>
  whole ? { buffer } : { buffer, offset: 4 * m0 * width, size: 4 * M * width };

function product(
  facts: DeviceFacts,
  { input, output, weight, bias, K, N }: Projection,
  part: RowPart,
  b: Buffers,
): Step {
  const t = firstFit(facts, productBytes, () => 0);
  const { M } = part;
  const params: Params = { M, K, N };
  return {
    kernel: productKernel(t, { M, K, N }, bias !== undefined, params),
    params,
    buffers: [
      bindRows(b[input], part, K),
      { buffer: b[weight] },
      ...(bias === undefined ? [] : [{ buffer: b[bias] }]),
      bindRows(b[output], part, N),
    ],
    workgroups: Math.ceil(M / t.own) * Math.ceil(N / t.step),
    flops: 2 * M * K * N,
  };
}

function weightedSum(
  facts: DeviceFacts,
  [R, I, C]: readonly [number, number, number],
  buffers: readonly GPUBufferBinding[],
  { transposed, add }: { transposed: boolean; add: boolean },
): Step {
  const t = firstFit(facts, weightedSumBytes, (shape) => rowsPerThread(shape) * resultColumns(shape, BLOCK));
  const params: Params = { R, I, C, add: Number(add) };
  return {
    kernel: weightedSumKernel(t, { R, I, C }, transposed, params),
    params,
    buffers,
    workgroups: Math.ceil(R / t.own) * Math.ceil(C / BLOCK),
    flops: 2 * R * I * C,
  };
}

/** Linear layers over M rows each: y = x W^T + b. Inputs and outputs by the names of the projections. */
export function linearForward(M: number, projections: readonly Projection[], facts: DeviceFacts): Plan {
  const parts = rowParts(M, projections, facts);
  return {
    path: `linear forward: ${projections.length} product(s) (${facts.kind})`,
    tiles: null,
    outputs: Object.fromEntries(projections.map(({ output, N }) => [output, 4 * M * N])),
    scratch: {},
    steps: (buffers) => projections.flatMap((p) => parts.map((part) => product(facts, p, part, buffers))),
  };
}

/** Rows of dy that a thread of the first column sums adds up. */
const SUM_ROWS = 64;

/**
 * Their backward: dx = dy W, dW = dy^T x, db = the column sums of dy; projections of one input add up to its one gradient. Inputs are
 * those of the forward and dy, outputs dx, dW and db; each gradient's name is d and the name of what it belongs to.
 */
export function linearBackward(M: number, projections: readonly Projection[], facts: DeviceFacts): Plan {
  const parts = rowParts(M, projections, facts);
  const sums = parts.reduce((count, part) => count + Math.ceil(part.M / SUM_ROWS), 0);
  const outputs: Record<string, number> = {};
  const scratch: Record<string, number> = {};
  for (const { input, weight, bias, K, N } of projections) {
    outputs[`d${input}`] = 4 * M * K;
    outputs[`d${weight}`] = 4 * N * K;
    if (bias === undefined) continue;
    outputs[`d${bias}`] = 4 * N;
    scratch[`sums of d${bias}`] = 4 * sums * N;
  }
  return {
    path: `linear backward: ${projections.length} projection(s) (${facts.kind})`,
    tiles: null,
    outputs,
    scratch,
    steps: (buffers) => projections.flatMap((p, n) => backwardSteps(facts, p, parts, isFirst(projections, n), buffers)),
  };
}

const isFirst = (projections: readonly Projection[], n: number): boolean =>
  projections.findIndex(({ input }) => input === projections[n].input) === n;

function backwardSteps(
  facts: DeviceFacts,
  { input, output, weight, bias, K, N }: Projection,
  parts: readonly RowPart[],
  first: boolean,
  b: Buffers,
): Step[] {
  const steps: Step[] = [];
  const sums = b[`sums of d${bias}`];
  let sumsDone = 0;
  for (const part of parts) {
    const { m0, M } = part;
    const dy = bindRows(b[`d${output}`], part, N);
    const x = bindRows(b[input], part, K);
    const dx = bindRows(b[`d${input}`], part, K);
    steps.push(
      weightedSum(facts, [M, N, K], [dy, { buffer: b[weight] }, dx], { transposed: false, add: !first }),
      weightedSum(facts, [N, M, K], [dy, x, { buffer: b[`d${weight}`] }], { transposed: true, add: m0 > 0 }),
    );
    if (bias === undefined) continue;
    steps.push(columnSumsStep({ from: dy, into: sums, rows: M, columns: N, partRows: SUM_ROWS, into0: sumsDone }));
    sumsDone += Math.ceil(M / SUM_ROWS);
  }
  if (bias !== undefined) {
    const from = { buffer: sums };
    const rest = { rows: sumsDone, columns: N, partRows: sumsDone, into0: 0 };
    steps.push(columnSumsStep({ from, into: b[`d${bias}`], ...rest }));
  }
  return steps;
}

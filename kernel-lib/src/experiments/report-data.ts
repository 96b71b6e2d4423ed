import type { Problem } from '../api/problem';
import type { DeviceInfo } from '../device/device';
import type { FloatDType } from '../tensor/tensor';

/** The results of attention that a report checks. */
export type Output = 'out' | 'lse' | 'dq' | 'dk' | 'dv' | 'dbias';

/** Those that a problem has. */
export const outputsOf = ({ bias }: Problem): readonly Output[] =>
  bias ? ['out', 'lse', 'dq', 'dk', 'dv', 'dbias'] : ['out', 'lse', 'dq', 'dk', 'dv'];

export type Pass = 'forward' | 'backward';

/** One comparison of a report. */
export interface ReportError {
  readonly output: Output;
  /** What it was compared with: the float64 reference on the CPU, or another algorithm on the GPU. */
  readonly against: string;
  /** Largest absolute difference; Infinity where the output is NaN or infinite. */
  readonly error: number;
  /** Largest difference that counts as right. */
  readonly allowed: number;
  readonly ok: boolean;
  /** Coordinates of the worst entry in 'bhnd' order: (b,h,i,column), for lse (b,h,i), for dbias in bias's shape. */
  readonly worstIndex: readonly number[];
  /** Query rows that went into the comparison, out of `rowsTotal`. */
  readonly rowsChecked: number;
  readonly rowsTotal: number;
}

/** The time of one pass of one algorithm. */
export interface ReportTiming {
  readonly algorithm: string;
  readonly pass: Pass;
  readonly seq: number;
  /** Median, in milliseconds. */
  readonly ms: number;
  /** (slowest - fastest) / median of the runs; 0 for a single run. */
  readonly spread: number;
  readonly runs: number;
  readonly clock: Clock;
  /** Achieved rate in GFLOP/s by the standard count (see src/cost/flops.ts), whatever work the algorithm really did. */
  readonly gflops: number;
}

/** GPU timestamps (kernels alone), or wall clock around the call (with dispatch and waiting). */
export type Clock = 'gpu timestamps' | 'wall clock';

/** Device memory of one pass of one algorithm. */
export interface ReportMemory {
  readonly algorithm: string;
  readonly pass: Pass;
  readonly seq: number;
  /** Bytes that the call held on the device, as the library counted them. */
  readonly measured: number;
  /** Bytes by formula (see src/cost/peak-memory.ts). */
  readonly formula: number;
}

/** How the work was divided into tiles; null for an algorithm without tiles. */
export interface ReportTiles {
  readonly br: number;
  readonly bc: number;
  /** Tiles computed, of all tiles; causal attention leaves some out. */
  readonly visited: number;
  readonly total: number;
}

/** The plain fields of an attention report. */
export interface AttentionReportData {
  readonly device: DeviceInfo;
  /** Sizes, scale, layout and all that changes the scores. */
  readonly problem: Problem;
  readonly dtype: FloatDType;
  readonly seed: number;
  /** Whether q, k and v were made here from the seed. */
  readonly randomInputs: boolean;
  readonly algorithm: string;
  /** The kernels that ran forward and backward, and the tiles of the forward. */
  readonly paths: Readonly<Record<Pass, string>>;
  readonly tiles: ReportTiles | null;
  readonly errors: readonly ReportError[];
  /** At the full length. */
  readonly timings: readonly ReportTiming[];
  /** At the full length. */
  readonly memory: readonly ReportMemory[];
  /** At every length, the full one last. */
  readonly sweep: { readonly timings: readonly ReportTiming[]; readonly memory: readonly ReportMemory[] };
  /** What was left out and why. */
  readonly notes: readonly string[];
  /** Seconds that the whole report took. */
  readonly seconds: number;
}

import type { Problem } from '../../api/problem';
import { FlashError } from '../../api/errors';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Plan } from '../../device/plan';
import { firstFit } from '../../wgsl/choose-shape';
import type { Params } from '../../wgsl/params';
import { resultColumns, rowsPerThread, type TileShape, vec4s } from '../../wgsl/tiles';
import { attentionParams } from '../flash2/common';
import { scoresBytes, scoresKernel } from './scores';
import { rowThreads, softmaxBackwardKernel, softmaxKernel } from './softmax';
import { weightedSumBytes, weightedSumKernel } from './weighted-sum';

/** Bytes of the score matrix of one head: rows are padded to whole vec4s. */
const matrixBytes = (p: Problem): number => 16 * p.Nq * vec4s(p.Nk);

/** Some heads, counted over batches, whose score matrices share one buffer. */
interface Chunk {
  readonly head0: number;
  readonly heads: number;
  /** Name of the buffer that keeps P from forward to backward. */
  readonly name: string;
}

/** As many heads a chunk as one binding holds, whole groups of query heads always together. */
function chunks(p: Problem, facts: DeviceFacts): Chunk[] {
  const group = p.H / p.Hk;
  const most = Math.min(facts.maxBinding, facts.maxBuffer);
  const groups = Math.floor(most / (matrixBytes(p) * group));
  if (groups === 0) {
    throw new FlashError(
      'OUT_OF_MEMORY',
      `algorithm 'naive': expected score matrices of at most ${most} bytes (one binding of this device), got ` +
        `${matrixBytes(p) * group} for ${group} head(s) of ${p.Nq} x ${p.Nk} scores. 'flash2' needs no such matrix.`,
    );
  }
  const result: Chunk[] = [];
  for (let head0 = 0; head0 < p.B * p.H; head0 += groups * group) {
    result.push({ head0, heads: Math.min(groups * group, p.B * p.H - head0), name: `p${result.length}` });
  }
  return result;
}

/** The steps of one chunk. */
class ChunkSteps {
  private readonly shared: Params;

  constructor(
    private readonly p: Problem,
    private readonly facts: DeviceFacts,
    private readonly chunk: Chunk,
  ) {
    const { Nq, Nk, H, Hk, causal } = p;
    this.shared = { Nq, Nk, H, Hk, causal: Number(causal), Nk4: vec4s(Nk), head0: chunk.head0 };
  }

  private get strides(): Params {
    return attentionParams(this.p);
  }

  /** matrix = scale a b^T; a has a row for each query, b for each key. */
  scores(a: GPUBuffer, b: GPUBuffer, matrix: GPUBuffer, operands: 'qk' | 'dout v'): Step {
    const { p, strides } = this;
    const width = operands === 'qk' ? p.D : p.Dv;
    const t = firstFit(
      this.facts,
      (shape) => scoresBytes(shape, width),
      () => 0,
    );
    const params: Params = {
      ...this.shared,
      scale: { f32: operands === 'qk' ? p.scale : 1 },
      q_strides: operands === 'qk' ? strides.q_strides : strides.out_strides,
      k_strides: operands === 'qk' ? strides.k_strides : strides.v_strides,
    };
    return {
      kernel: scoresKernel(t, width, params),
      params,
      buffers: [a, b, matrix],
      workgroups: this.chunk.heads * Math.ceil(p.Nq / t.own),
      flops: this.productFlops(width),
    };
  }

  /** result = scale matrix rows, or with the matrix transposed and the heads of a group added up. */
  weightedSum(
    matrix: GPUBuffer,
    rows: { buffer: GPUBuffer; strides: 'q_strides' | 'k_strides' | 'v_strides' | 'out_strides' },
    result: { buffer: GPUBuffer; strides: 'q_strides' | 'k_strides' | 'v_strides' | 'out_strides' },
    { transposed, scale }: { transposed: boolean; scale: number },
  ): Step {
    const { p, strides, chunk } = this;
    const width = rows.strides === 'q_strides' || rows.strides === 'k_strides' ? p.D : p.Dv;
    const t: TileShape = firstFit(
      this.facts,
      (shape) => weightedSumBytes(shape, width),
      (shape) => rowsPerThread(shape) * resultColumns(shape, width),
    );
    const params: Params = {
      ...this.shared,
      scale: { f32: scale },
      rows_strides: strides[rows.strides],
      result_strides: strides[result.strides],
    };
    const resultHeads = transposed ? (chunk.heads * p.Hk) / p.H : chunk.heads;
    return {
      kernel: weightedSumKernel(t, width, transposed, params),
      params,
      buffers: [matrix, rows.buffer, result.buffer],
      workgroups: resultHeads * Math.ceil((transposed ? p.Nk : p.Nq) / t.own),
      flops: this.productFlops(width),
    };
  }

  softmax(matrix: GPUBuffer, lse: GPUBuffer): Step {
    return {
      kernel: softmaxKernel(rowThreads(this.facts.kind), this.shared),
      params: this.shared,
      buffers: [matrix, lse],
      workgroups: this.chunk.heads * this.p.Nq,
      flops: this.productFlops(4),
    };
  }

  softmaxBackward(weights: GPUBuffer, matrix: GPUBuffer): Step {
    return {
      kernel: softmaxBackwardKernel(rowThreads(this.facts.kind), this.shared),
      params: this.shared,
      buffers: [weights, matrix],
      workgroups: this.chunk.heads * this.p.Nq,
      flops: this.productFlops(2),
    };
  }

  private productFlops(width: number): number {
    return 2 * this.chunk.heads * this.p.Nq * this.p.Nk * width;
  }
}

/**
 * Standard attention (Dao 2022, Algorithm 0): S = scale Q K^T, P = softmax(S), out = P V, each a pass over the whole matrix
 * in device memory. Inputs q, k, v; outputs out, lse and P (p0, p1, … by chunks of heads), which the backward uses.
 */
export function naiveForward(p: Problem, facts: DeviceFacts): Plan {
  const parts = chunks(p, facts);
  return {
    path: `naive forward: three passes, ${parts.length} chunk(s) of heads (${facts.kind})`,
    tiles: null,
    outputs: {
      out: 4 * p.B * p.H * p.Nq * p.Dv,
      lse: 4 * p.B * p.H * p.Nq,
      ...Object.fromEntries(parts.map(({ name, heads }) => [name, heads * matrixBytes(p)])),
    },
    scratch: {},
    steps: (buffers) =>
      parts.flatMap((chunk) => {
        const { q, k, v, out, lse, [chunk.name]: matrix } = buffers;
        const steps = new ChunkSteps(p, facts, chunk);
        return [
          steps.scores(q, k, matrix, 'qk'),
          steps.softmax(matrix, lse),
          steps.weightedSum(
            matrix,
            { buffer: v, strides: 'v_strides' },
            { buffer: out, strides: 'out_strides' },
            { transposed: false, scale: 1 },
          ),
        ];
      }),
  };
}

/**
 * Its backward (Dao 2022, Algorithm 3): dV = P^T dO, dP = dO V^T, dS = P * (dP - rowsum(P * dP)), dQ = scale dS K,
 * dK = scale dS^T Q. Inputs q, k, v, dout and P; outputs dq, dk, dv; dP becomes dS in a scratch matrix.
 */
export function naiveBackward(p: Problem, facts: DeviceFacts): Plan {
  const parts = chunks(p, facts);
  return {
    path: `naive backward: five passes, ${parts.length} chunk(s) of heads (${facts.kind})`,
    tiles: null,
    outputs: {
      dq: 4 * p.B * p.H * p.Nq * p.D,
      dk: 4 * p.B * p.Hk * p.Nk * p.D,
      dv: 4 * p.B * p.Hk * p.Nk * p.Dv,
    },
    scratch: { ds: parts[0].heads * matrixBytes(p) },
    steps: (buffers) =>
      parts.flatMap((chunk) => {
        const { q, k, v, dout, dq, dk, dv, ds, [chunk.name]: matrix } = buffers;
        const steps = new ChunkSteps(p, facts, chunk);
        return [
          steps.weightedSum(
            matrix,
            { buffer: dout, strides: 'out_strides' },
            { buffer: dv, strides: 'v_strides' },
            { transposed: true, scale: 1 },
          ),
          steps.scores(dout, v, ds, 'dout v'),
          steps.softmaxBackward(matrix, ds),
          steps.weightedSum(
            ds,
            { buffer: k, strides: 'k_strides' },
            { buffer: dq, strides: 'q_strides' },
            { transposed: false, scale: p.scale },
          ),
          steps.weightedSum(
            ds,
            { buffer: q, strides: 'q_strides' },
            { buffer: dk, strides: 'k_strides' },
            { transposed: true, scale: p.scale },
          ),
        ];
      }),
  };
}

import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import { dropoutParams } from '../../features/dropout';
import { compiledFeatures, type ScoreFeatures } from '../../features/score';
import { chooseLanes } from '../../wgsl/choose-lanes';
import { firstFit } from '../../wgsl/choose-shape';
import { ownRows } from '../../wgsl/lane-tile';
import type { Params } from '../../wgsl/params';
import { resultColumns, rowsPerThread, vec4s } from '../../wgsl/tiles';
import { attentionParams, featureBindings } from '../common';
import { biasGrid, biasGridParams, dbiasSum } from '../dbias-sum';
import { madeOnce } from '../made-once';
import type { Operands } from '../operands';
import { DBIAS_ENTRIES, dbiasKernel } from './dbias';
import { scoresBytes, scoresKernel } from './scores';
import { scoresLanesKernel } from './scores-lanes';
import { rowThreads, softcapBackwardKernel, softmaxBackwardKernel, softmaxKernel } from './softmax';
import { weightedSumBytes, weightedSumKernel } from './weighted-sum';
import { weightedSumLanesKernel } from './weighted-sum-lanes';

type Rows = 'q' | 'k' | 'v' | 'out';

/** The passes of standard attention over one slice. */
export class NaiveSteps {
  private readonly f: ScoreFeatures;
  private readonly shared: Params;
  private readonly heads: number;

  constructor(
    private readonly p: Problem,
    private readonly facts: DeviceFacts,
    private readonly operands: Operands,
    private readonly buffers: Readonly<Record<string, GPUBuffer>>,
  ) {
    this.f = compiledFeatures(p, facts);
    this.shared = { ...attentionParams(p, this.f, operands), Nk4: vec4s(p.Nk) };
    this.heads = operands.slice.B * operands.slice.H;
  }

  /** matrix = scale a b^T; a has a row for each query, b for each key. S comes in log2 units. */
  scores(product: 'qk' | 'dout v', matrix: GPUBuffer): Step {
    const { p, shared, operands, buffers } = this;
    const ofScores = product === 'qk';
    const width = ofScores ? p.D : p.Dv;
    const lanes = chooseLanes(this.facts, { numbers: width, sizes: [width], length: p.Nq });
    const t = firstFit(
      this.facts,
      (shape) => scoresBytes(shape, width),
      () => 0,
    );
    const params: Params = {
      ...shared,
      scale: { f32: ofScores ? p.scale * Math.LOG2E : 1 },
      ...(ofScores ? {} : { q_strides: shared.out_strides, k_strides: shared.v_strides }),
    };
    const once = madeOnce(p, this.f, params);
    const [a, b] = ofScores
      ? [operands.bind('q', buffers.q), operands.bind('k', buffers.k)]
      : [operands.bind('out', buffers.dout), operands.bind('v', buffers.v)];
    return {
      kernel: once(['scores', lanes ?? t, width], () =>
        lanes
          ? scoresLanesKernel(lanes, width, p.dtype, this.f, params)
          : scoresKernel(t, width, p.dtype, this.f, params),
      ),
      params,
      buffers: [a, b, { buffer: matrix }, ...this.features],
      workgroups: this.heads * Math.ceil(p.Nq / (lanes ? ownRows(lanes) : t.own)),
      flops: this.productFlops(width),
    };
  }

  /**
   * result = scale matrix rows, or with the matrix transposed and the heads of a group added up.
   * @param rows, result  how the operand's and the result's rows lie
   */
  weightedSum(
    matrix: GPUBuffer,
    rows: Rows,
    from: string,
    result: Rows,
    into: string,
    { transposed, scale, dropout }: { transposed: boolean; scale: number; dropout: boolean },
  ): Step {
    const { p, shared, operands, buffers } = this;
    const width = rows === 'q' || rows === 'k' ? p.D : p.Dv;
    const length = transposed ? p.Nk : p.Nq;
    const lanes = chooseLanes(this.facts, { numbers: width, sizes: [width], length });
    const t = firstFit(
      this.facts,
      (shape) => weightedSumBytes(shape, width),
      (shape) => rowsPerThread(shape) * resultColumns(shape, width),
    );
    const params: Params = {
      ...shared,
      scale: { f32: scale },
      rows_strides: shared[`${rows}_strides`],
      result_strides: shared[`${result}_strides`],
      ...(this.f.dropout && !dropout ? dropoutParams(null) : {}),
    };
    const once = madeOnce(p, this.f, params);
    const resultHeads = transposed ? (this.heads * p.Hk) / p.H : this.heads;
    return {
      kernel: once(['sum', lanes ?? t, width, transposed], () =>
        lanes
          ? weightedSumLanesKernel(lanes, width, p.dtype, transposed, this.f, params)
          : weightedSumKernel(t, width, p.dtype, transposed, this.f, params),
      ),
      params,
      buffers: [
        { buffer: matrix },
        operands.bind(rows, buffers[from]),
        operands.bind(result, buffers[into]),
        ...this.features,
      ],
      workgroups: resultHeads * Math.ceil(length / (lanes ? ownRows(lanes) : t.own)),
      flops: this.productFlops(width),
    };
  }

  softmax(matrix: GPUBuffer): Step {
    const kernel = softmaxKernel(rowThreads(this.facts.kind), this.f, this.shared);
    return this.rowStep(kernel, [{ buffer: matrix }, this.operands.bind('lse', this.buffers.lse)], 4);
  }

  softmaxBackward(weights: GPUBuffer, matrix: GPUBuffer): Step {
    const kernel = softmaxBackwardKernel(rowThreads(this.facts.kind), this.f, this.shared);
    return this.rowStep(kernel, [{ buffer: weights }, { buffer: matrix }], 2);
  }

  softcapBackward(scores: GPUBuffer, matrix: GPUBuffer): Step {
    const kernel = softcapBackwardKernel(rowThreads(this.facts.kind), this.f, this.shared);
    return this.rowStep(kernel, [{ buffer: scores }, { buffer: matrix }], 2);
  }

  dbias(matrix: GPUBuffer): Step {
    const { p, operands } = this;
    const grid = biasGrid(p, operands.slice, { br: 1, bc: 1 });
    const entries = grid.batches * grid.heads * grid.tilesQ * grid.tilesK;
    const params: Params = { ...this.shared, ...biasGridParams(p, operands, grid), entries };
    return {
      kernel: dbiasKernel(this.f, params),
      params,
      buffers: [{ buffer: matrix }, dbiasSum(operands, this.buffers), ...this.features],
      workgroups: Math.ceil(entries / DBIAS_ENTRIES),
      flops: this.productFlops(1),
    };
  }

  private get features(): GPUBufferBinding[] {
    return featureBindings(this.f, this.operands, this.buffers);
  }

  /** A kernel with a workgroup for each row of the matrix. */
  private rowStep(kernel: Step['kernel'], buffers: GPUBufferBinding[], width: number): Step {
    return {
      kernel,
      params: this.shared,
      buffers: [...buffers, ...this.features],
      workgroups: this.heads * this.p.Nq,
      flops: this.productFlops(width),
    };
  }

  private productFlops(width: number): number {
    return 2 * this.heads * this.p.Nq * this.p.Nk * width;
  }
}

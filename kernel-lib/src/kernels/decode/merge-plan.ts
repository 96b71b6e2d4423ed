import type { Plan } from '../../device/plan';
import type { Params } from '../../wgsl/params';
import { strides } from '../../tensor/layout';
import { BYTES } from '../../tensor/dtype';
import type { Layout } from '../../api/problem';
import { toHalf } from '../to-half';
import { foldKernel, MERGE_ROWS } from './merge';

/** Sizes of what is merged. */
export interface MergeShape {
  readonly B: number;
  readonly H: number;
  readonly Nq: number;
  readonly Dv: number;
  readonly layout: Layout;
  readonly dtype: 'f32' | 'f16';
  /** Number of parts. */
  readonly parts: number;
}

/** Inputs out0, lse0, out1, lse1, …; outputs out and lse. Merged in f32, one part after the other. */
export function mergePlan({ B, H, Nq, Dv, layout, dtype, parts }: MergeShape): Plan {
  const rows = B * H * Nq;
  const half = dtype === 'f16';
  const { batch, head, row } = strides(layout, H, Nq, Dv);
  return {
    path: `merge of ${parts} part(s)`,
    tiles: null,
    outputs: { out: BYTES[dtype] * rows * Dv, lse: 4 * rows },
    scratch: half ? { sum: 4 * rows * Dv } : {},
    steps: (buffers) => {
      const sum = half ? buffers.sum : buffers.out;
      const params = (part: number): Params => ({ rows, H, Nq, batch, head, row, is_first: Number(part === 0) });
      const kernel = foldKernel(Dv, dtype, params(0));
      const folds = Array.from({ length: parts }, (_, part) => ({
        kernel,
        params: params(part),
        buffers: [buffers[`out${part}`], buffers[`lse${part}`], sum, buffers.lse].map((buffer) => ({ buffer })),
        workgroups: Math.ceil(rows / MERGE_ROWS),
        flops: 4 * rows * Dv,
      }));
      return [...folds, ...(half ? [toHalf(sum, buffers.out, rows * Dv)] : [])];
    },
  };
}

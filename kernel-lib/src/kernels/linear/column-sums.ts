import type { Step } from '../../device/dispatch';
import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';

/** Columns of a workgroup, one a thread. */
const THREADS = 64;

export interface ColumnSums {
  /** What is added up, (rows,columns), and where the sums go: a row of `columns` for each part, from row `into0` on. */
  readonly from: GPUBufferBinding;
  readonly into: GPUBuffer;
  readonly rows: number;
  readonly columns: number;
  /** Rows of a part, and the row of the first one's sums. */
  readonly partRows: number;
  readonly into0: number;
}

/**
 * Sums over the rows of a matrix, in parts so that many workgroups share a tall one; the sums of the parts are a matrix to be summed
 * in turn. The gradient of a bias is the sum of dy over its rows.
 */
export function columnSumsStep({ from, into, rows, columns, partRows, into0 }: ColumnSums): Step {
  const params: Params = { rows, columns, part_rows: partRows, into0 };
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let group = params.first + id.x;
  let blocks = (params.columns + ${THREADS - 1}u) / ${THREADS}u;
  let column = group % blocks * ${THREADS}u + lid;
  let part = group / blocks;
  if (column >= params.columns) { return; }
  var sum = 0.0;
  let end = min((part + 1u) * params.part_rows, params.rows);
  for (var row = part * params.part_rows; row < end; row++) { sum += matrix[row * params.columns + column]; }
  sums[(params.into0 + part) * params.columns + column] = sum;
}`;
  const kernel: Kernel = { label: 'linear column sums', code, access: ['read', 'read_write'] };
  return {
    kernel,
    params,
    buffers: [from, { buffer: into }],
    workgroups: Math.ceil(columns / THREADS) * Math.ceil(rows / partRows),
    flops: rows * columns,
  };
}

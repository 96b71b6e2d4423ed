import { attention } from '../api/attention';
import { attentionVarlen } from '../api/attention-varlen';
import type { Algorithm, AttentionOptions } from '../api/options';
import { exchangeAxes, shapeOf } from '../tensor/layout';
import { tensor, type Tensor } from '../tensor/tensor';
import {
  caseOptions,
  caseShapes,
  offsets,
  operandShape,
  type CaseOperand,
  type CaseRows,
  type CheckCase,
} from './case';
import type { CaseInputs } from './case-inputs';
import { outputsOf, type Output } from './case-truth';

/** Options of `flash.attention` that steer a run of a case. */
export type RunCaseOptions = Pick<AttentionOptions, 'signal'>;

/** Outputs of a call in the reference's order; those that the case has. */
export type CaseOutputs = Partial<Record<Output, Float32Array>>;

/** Algorithms that have tiles to choose. */
const TILED: readonly Algorithm[] = ['flash2', 'flash1'];

/** Runs the public function on the case's inputs, forward and backward, on the current device. */
export async function runCase(
  c: CheckCase,
  inputs: CaseInputs,
  algorithm: Algorithm,
  { signal }: RunCaseOptions = {},
): Promise<CaseOutputs> {
  const alive: { dispose(): void }[] = [];
  const keep = <T extends { dispose(): void }>(x: T): T => {
    alive.push(x);
    return x;
  };
  const upload = (numbers: Float32Array, as: CaseRows): Tensor => keep(toTensor(c, numbers, as));
  const operand = (given: CaseOperand | null, numbers: Float32Array | undefined): Tensor | undefined =>
    given && numbers ? keep(tensor(numbers, operandShape(c, given), { dtype: given.dtype })) : undefined;
  try {
    const [q, k, v, dout] = [
      upload(inputs.q, 'q'),
      upload(inputs.k, 'k'),
      upload(inputs.v, 'v'),
      upload(inputs.dout, 'out'),
    ];
    const bias = operand(c.bias, inputs.bias);
    const mask = operand(c.mask, inputs.mask);
    const tiles = c.tiles && TILED.includes(algorithm) ? c.tiles : undefined;
    const options = { ...caseOptions(c), bias, mask, tiles, algorithm, signal };
    const forward = keep(
      await (c.lengths
        ? attentionVarlen(q, k, v, {
            ...options,
            ...{ cuSeqlensQ: offsets(c.lengths.q), cuSeqlensK: offsets(c.lengths.k) },
          })
        : attention(q, k, v, options)),
    );
    const { dq, dk, dv, dbias } = await forward.backward(dout, { signal });
    for (const gradient of [dq, dk, dv, dbias]) if (gradient) keep(gradient);
    const tensors = { out: forward.out, lse: forward.lse, dq, dk, dv, dbias };
    const outputs: CaseOutputs = {};
    for (const output of outputsOf(c)) outputs[output] = await readOutput(c, output, tensors[output]);
    return outputs;
  } finally {
    for (const x of alive) x.dispose();
  }
}

/** How an output lies: as the rows of an operand, or in a shape of its own. */
const ROWS_OF: Readonly<Partial<Record<Output, CaseRows>>> = { out: 'out', dq: 'q', dk: 'k', dv: 'v' };

/** Shape of an output in the reference's order. */
export function outputShape(c: CheckCase, output: Output): number[] {
  if (output === 'dbias') return operandShape(c, c.bias!);
  return caseShapes(c)[output === 'lse' ? 'lse' : ROWS_OF[output]!];
}

/** What a tensor holds of rows in the reference's order. */
function toTensor(c: CheckCase, numbers: Float32Array, as: CaseRows): Tensor {
  const shape = caseShapes(c)[as];
  if (c.layout === 'bhnd' || c.lengths) return tensor(numbers, shape, { dtype: c.dtype });
  const [B, heads, N, width] = shape;
  return tensor(exchangeAxes(numbers, B, heads, N, width), shapeOf(c.layout, B, heads, N, width), { dtype: c.dtype });
}

async function readOutput(c: CheckCase, output: Output, t: Tensor | undefined): Promise<Float32Array> {
  const shape = outputShape(c, output);
  const own = output === 'lse' || output === 'dbias' || c.layout === 'bhnd' || c.lengths !== null;
  const expected = own ? shape : [shape[0], shape[2], shape[1], shape[3]];
  const dtype = output === 'lse' ? 'f32' : output === 'dbias' ? c.bias!.dtype : c.dtype;
  // A result of another shape or dtype is as wrong as one of other numbers.
  if (!t || t.dtype !== dtype || t.shape.join() !== expected.join()) {
    throw new Error(`${output}: expected ${dtype} (${expected.join(',')}), got ${t ? String(t) : 'nothing'}.`);
  }
  const numbers = await t.data();
  return own ? numbers : exchangeAxes(numbers, expected[0], expected[1], expected[2], expected[3]);
}

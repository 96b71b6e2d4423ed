import { attention } from '../api/attention';
import { attentionKvPacked, attentionQkvPacked } from '../api/attention-packed';
import { attentionVarlen } from '../api/attention-varlen';
import type { Algorithm, AttentionOptions } from '../api/options';
import { tensor, Tensor } from '../tensor/tensor';
import { caseOptions, offsets, operandShape, type CaseOperand, type CheckCase } from './case';
import type { CaseInputs } from './case-inputs';
import { checkKind, outputShape, rowsToTensor, ROWS_OF, tensorToRows, type Parts } from './case-tensors';
import { outputsOf, type Output } from './case-truth';

/** Options of `flash.attention` that steer a run of a case. */
export type RunCaseOptions = Pick<AttentionOptions, 'signal'>;

/** Outputs of a call in the reference's order; those that the case has. */
export type CaseOutputs = Partial<Record<Output, Float32Array>>;

/** Algorithms that have tiles to choose. */
const TILED: readonly Algorithm[] = ['flash2', 'flash1'];

/** The tensors that hold q, k and v. */
const PARTS: Readonly<Record<CheckCase['packing'], readonly Parts[]>> = {
  none: [['q'], ['k'], ['v']],
  kv: [['q'], ['k', 'v']],
  qkv: [['q', 'k', 'v']],
};

type Results = Readonly<Record<string, unknown>>;

/** What all the public functions give. */
interface Called {
  readonly out: Tensor;
  readonly lse: Tensor;
  backward(dout: Tensor, options: RunCaseOptions): Promise<object>;
  dispose(): void;
}

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
  const operand = (given: CaseOperand | null, numbers: Float32Array | undefined): Tensor | undefined =>
    given && numbers ? keep(tensor(numbers, operandShape(c, given), { dtype: given.dtype })) : undefined;
  try {
    const sources = { ...inputs, out: inputs.dout };
    const upload = (parts: Parts): Tensor =>
      keep(
        rowsToTensor(
          c,
          parts,
          parts.map((part) => sources[part]),
        ),
      );
    const operands = PARTS[c.packing].map(upload);
    const [bias, mask] = [operand(c.bias, inputs.bias), operand(c.mask, inputs.mask)];
    const tiles = c.tiles && TILED.includes(algorithm) ? c.tiles : undefined;
    const result = keep(await call(c, operands, { ...caseOptions(c), bias, mask, tiles, algorithm, signal }));
    const gradients = { ...(await result.backward(upload(['out']), { signal })) };
    for (const gradient of Object.values(gradients)) if (gradient instanceof Tensor) keep(gradient);
    return await readOutputs(c, { ...gradients, out: result.out, lse: result.lse });
  } finally {
    for (const x of alive) x.dispose();
  }
}

function call(c: CheckCase, operands: readonly Tensor[], options: AttentionOptions): Promise<Called> {
  const [q, k, v] = operands;
  if (c.lengths) {
    const cuSeqlensQ = offsets(c.lengths.q);
    return attentionVarlen(q, k, v, { ...options, cuSeqlensQ, cuSeqlensK: offsets(c.lengths.k) });
  }
  if (c.packing === 'qkv') return attentionQkvPacked(q, options);
  if (c.packing === 'kv') return attentionKvPacked(q, k, options);
  return attention(q, k, v, options);
}

async function readOutputs(c: CheckCase, results: Results): Promise<CaseOutputs> {
  const outputs: CaseOutputs = {};
  for (const output of outputsOf(c)) outputs[output] = await readOutput(c, results, output);
  return outputs;
}

async function readOutput(c: CheckCase, results: Results, output: Output): Promise<Float32Array> {
  const named = (name: string): Tensor => {
    const t = results[name];
    if (t instanceof Tensor) return t;
    throw new Error(`expected a result ${name}, got ${Object.keys(results).join(', ')}.`);
  };
  if (output === 'out') return tensorToRows(c, ['out'], 0, named('out'));
  if (output === 'lse' || output === 'dbias') {
    const t = named(output);
    checkKind(t, outputShape(c, output), output === 'lse' ? 'f32' : c.bias!.dtype);
    return t.data();
  }
  const operand = ROWS_OF[output];
  const parts = PARTS[c.packing].find((list) => list.includes(operand))!;
  return tensorToRows(c, parts, parts.indexOf(operand), named(`d${parts.join('')}`));
}

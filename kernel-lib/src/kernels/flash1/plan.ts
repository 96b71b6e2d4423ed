import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Plan } from '../../device/plan';
import { queryBegin, queryEnd } from '../../features/band';
import { compiledFeatures, type ScoreFeatures, storageCount } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { attentionParams, featureBindings } from '../common';
import { dbiasScratch, dbiasSum, finishDbias, hasDbias } from '../dbias-sum';
import { chooseTile } from '../flash2/choose-tile';
import { dbiasStep, deltaStep, sumOrder } from '../flash2/plan';
import type { OperandName, Operands } from '../operands';
import { bindKeyGradients, gradientBuffer, gradientBytes, resultBytes } from '../outputs';
import { countTiles, eachSlice, featureUploads } from '../steps';
import { type Flash1Dispatch, flash1BackwardKernel, keyGradients, ONE_BY_ONE, PUBLISHED } from './backward';
import { chooseFlash1Tile, flash1Bytes, type Flash1Tile, threadsOf } from './choose-tile';
import { flash1ForwardKernel } from './forward';
import { initialiseKernel, lseKernel, ROWS, storeSumsKernel } from './rows';

/** A step for each tile of keys that some query sees: the outer loop. */
function keySteps(
  p: Problem,
  { bc }: Flash1Tile,
  shared: Params,
  width: number,
  step: (params: Params) => Omit<Step, 'params' | 'flops'>,
): Step[] {
  const steps: Step[] = [];
  // One text for all tiles of keys: only the uniform j0 differs.
  const of = step({ ...shared, j0: 0 });
  for (let j0 = 0; j0 < p.Nk; j0 += bc) {
    // Packed sequences have diagonals of their own; each workgroup finds out whether it has anything to do.
    const queries = p.sequences ? p.Nq : queryEnd(p, Math.min(j0 + bc, p.Nk) - 1) - queryBegin(p, j0);
    if (queries <= 0) continue;
    steps.push({ ...of, params: { ...shared, j0 }, flops: 2 * of.workgroups * queries * bc * width });
  }
  return steps;
}

/** Steps with a thread for each query of the slice. */
const rowStep = (
  p: Problem,
  { slice }: Operands,
  kernel: Step['kernel'],
  params: Params,
  buffers: GPUBufferBinding[],
): Step => ({
  kernel,
  params,
  buffers,
  workgroups: slice.B * slice.H * Math.ceil(p.Nq / ROWS),
  flops: slice.B * slice.H * p.Nq * p.Dv,
});

/**
 * FlashAttention-1 forward: O, l and m are initialised, then one dispatch for each tile of keys, then lse from m and l.
 * Inputs q, k, v, bias, mask; outputs out and lse.
 */
export function flash1Forward(p: Problem, facts: DeviceFacts, forced: Flash1Tile | null): Plan {
  const tile = forced ?? chooseFlash1Tile('forward', p, facts);
  const f = compiledFeatures(p, facts);
  const { out, lse } = resultBytes(p);
  const threads = threadsOf(facts);
  // O is summed where it is stored in the end, unless that has halves.
  const sums = p.dtype === 'f16' ? 'out_sum' : 'out';
  return {
    path: `flash1 forward: ${describeTile(tile, facts)}`,
    tiles: countTiles(p, tile),
    outputs: { out, lse },
    scratch: { state: 2 * lse, ...(sums === 'out' ? {} : { out_sum: 2 * out }) },
    uploads: featureUploads(p, f),
    steps: (buffers) =>
      eachSlice(p, facts, ['rows', sums], (operands) => {
        const params = { ...attentionParams(p, f, operands), sum_strides: operands.strides(sums) };
        const features = featureBindings(f, operands, buffers);
        const bind = (name: OperandName, buffer: string = name): GPUBufferBinding =>
          operands.bind(name, buffers[buffer]);
        const state = bind('rows', 'state');
        return [
          rowStep(p, operands, initialiseKernel(p, f, params), params, [bind(sums), state, ...features]),
          ...keySteps(p, tile, params, p.D + p.Dv, (stepParams) => ({
            kernel: flash1ForwardKernel(tile, threads, p, f, stepParams),
            buffers: [bind('q'), bind('k'), bind('v'), bind(sums), state, ...features],
            workgroups: operands.slice.B * operands.slice.H,
          })),
          rowStep(p, operands, lseKernel(f, params), params, [state, bind('lse'), ...features]),
          ...(sums === 'out' ? [] : [storeSums(p, f, operands, 'out_sum', 'out', 'out', buffers)]),
        ];
      }),
  };
}

/**
 * FlashAttention-1 backward: one dispatch for each tile of keys. dbias, which the paper does not have, is FlashAttention-2's.
 * Inputs those of the forward, out, lse, dout; outputs dq, dk, dv, dbias.
 * @param tiles wanted tile, used if the working set fits; null for the device's own choice
 */
export function flash1Backward(p: Problem, facts: DeviceFacts, tiles: Flash1Tile | null): Plan {
  const fits = tiles && flash1Bytes('backward', tiles, p) <= facts.workgroupStorage;
  const tile = fits ? tiles : chooseFlash1Tile('backward', p, facts);
  const { f, dispatches } = chooseDispatches(p, facts);
  const keepsRows = hasDbias(p) || dispatches !== AT_ONCE;
  const threads = threadsOf(facts);
  const queries = resultBytes(p).lse / 4;
  // dQ is summed where it is stored in the end, unless that has halves or is part of the tensor that dK and dV are written to.
  const apart = p.dtype === 'f16' || p.packing === 'qkv';
  return {
    path: `flash1 backward: ${describeTile(tile, facts)}`,
    tiles: countTiles(p, tile),
    outputs: gradientBytes(p),
    scratch: {
      ...(apart ? { dq_sum: 4 * queries * p.D } : {}),
      ...(keepsRows ? { rows: 8 * queries } : {}),
      ...dbiasScratch(p),
    },
    uploads: featureUploads(p, f),
    steps: (buffers) => [
      ...eachSlice(
        p,
        facts,
        [...(apart ? (['dq_sum'] as const) : []), ...(keepsRows ? (['rows'] as const) : []), 'dbias'],
        (operands) => {
          const dqStrides = operands.strides(apart ? 'dq_sum' : 'q');
          const params = { ...attentionParams(p, f, operands), dq_strides: dqStrides };
          const features = featureBindings(f, operands, buffers);
          const bind = (name: OperandName, buffer: string = name): GPUBufferBinding =>
            operands.bind(name, buffers[buffer]);
          const inputs = [bind('q'), bind('k'), bind('v'), bind('out', 'dout')];
          const dq = apart ? bind('dq_sum') : bind('q', 'dq');
          const outputs = ({ writes }: Flash1Dispatch): GPUBufferBinding[] => [
            ...(writes.includes('dq') ? [dq] : []),
            ...bindKeyGradients(p, operands, buffers, keyGradients(writes)),
          ];
          return [
            ...(dispatches === AT_ONCE ? [] : [deltaStep(p, f, operands, buffers, 'vec4s')]),
            ...dispatches.flatMap((dispatch) =>
              keySteps(p, tile, params, 3 * p.D + 2 * p.Dv, (stepParams) => ({
                kernel: flash1BackwardKernel(tile, threads, p, f, stepParams, dispatch),
                buffers: [
                  ...inputs,
                  ...(dispatch.delta === 'rows' ? [bind('rows')] : [bind('out'), bind('lse')]),
                  ...outputs(dispatch),
                  ...features,
                ],
                workgroups: operands.slice.B * operands.slice.Hk,
              })),
            ),
            ...(apart ? [storeSums(p, f, operands, 'dq_sum', 'q', gradientBuffer(p, 'dq'), buffers)] : []),
            ...(hasDbias(p) ? dbiasSteps(p, facts, f, operands, buffers, inputs) : []),
          ];
        },
      ),
      ...finishDbias(p, buffers),
    ],
  };
}

const AT_ONCE: readonly Flash1Dispatch[] = [PUBLISHED];

/** The backward as published where the device binds that many tensors, else with delta made before and a dispatch for each gradient. */
function chooseDispatches(p: Problem, facts: DeviceFacts): { f: ScoreFeatures; dispatches: readonly Flash1Dispatch[] } {
  const f = compiledFeatures(p, facts, 9);
  return 9 + storageCount(f) <= facts.maxStorageBuffers
    ? { f, dispatches: AT_ONCE }
    : { f: compiledFeatures(p, facts, 6), dispatches: ONE_BY_ONE };
}

/** Stores what was summed in f32 as a result's rows. */
function storeSums(
  p: Problem,
  f: ScoreFeatures,
  operands: Operands,
  from: 'out_sum' | 'dq_sum',
  like: 'out' | 'q',
  into: string,
  buffers: Readonly<Record<string, GPUBuffer>>,
): Step {
  const params = {
    ...attentionParams(p, f, operands),
    sum_strides: operands.strides(from),
    result_strides: operands.strides(like),
  };
  const kernel = storeSumsKernel(like === 'q' ? p.D : p.Dv, p.dtype, f, params);
  const bound = [operands.bind(from, buffers[from]), operands.bind(like, buffers[into])];
  return rowStep(p, operands, kernel, params, [...bound, ...featureBindings(f, operands, buffers)]);
}

function dbiasSteps(
  p: Problem,
  facts: DeviceFacts,
  f: ScoreFeatures,
  operands: Operands,
  buffers: Readonly<Record<string, GPUBuffer>>,
  inputs: GPUBufferBinding[],
): Step[] {
  const features = featureBindings(f, operands, buffers);
  const rows = operands.bind('rows', buffers.rows);
  const tile = chooseTile('dq', p, facts);
  return [
    deltaStep(p, f, operands, buffers, sumOrder(tile)),
    dbiasStep(p, f, tile, operands, [...inputs, rows, dbiasSum(operands, buffers), ...features]),
  ];
}

const describeTile = ({ br, bc }: Flash1Tile, facts: DeviceFacts): string =>
  `tiles ${br} x ${bc}, ${threadsOf(facts)} threads (${facts.kind})`;

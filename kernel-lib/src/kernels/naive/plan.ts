import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Plan } from '../../device/plan';
import { compiledFeatures } from '../../features/score';
import { vec4s } from '../../wgsl/tiles';
import { gradientBuffer, gradientBytes, resultBytes, writtenGradients, writtenResults } from '../outputs';
import { slices } from '../operands';
import { dbiasScratch, finishDbias, hasDbias } from '../dbias-sum';
import { eachSlice, featureUploads } from '../steps';
import { NaiveSteps } from './steps';

/** Bytes of the score matrix of one head: rows are padded to whole vec4s. */
export const matrixBytes = (p: Problem): number => 16 * p.Nq * vec4s(p.Nk);

/** The buffers that keep P from forward to backward, one for each slice, p0, p1, … */
function matrices(p: Problem, facts: DeviceFacts): Record<string, number> {
  const sizes = slices(p, facts, ['dbias'], matrixBytes(p)).map(({ B, H }, n) => [`p${n}`, B * H * matrixBytes(p)]);
  return Object.fromEntries(sizes) as Record<string, number>;
}

/** Those matrices that are written whole: a sequence that is shorter than the longest one fills only a part of its own. */
const writtenMatrices = ({ sequences }: Problem, names: string[]): string[] => (sequences ? [] : names);

/**
 * Standard attention (Dao 2022, Algorithm 0): S = scale Q K^T, P = softmax(features(S)), out = dropout(P) V, each a pass over the
 * whole matrix in device memory. Inputs q, k, v, bias, mask; outputs out, lse and P (p0, p1, … by slices), which the backward
 * uses.
 */
export function naiveForward(p: Problem, facts: DeviceFacts): Plan {
  const saved = matrices(p, facts);
  return {
    path: `naive forward: three passes, ${Object.keys(saved).length} chunk(s) of heads (${facts.kind})`,
    tiles: null,
    outputs: { ...resultBytes(p), ...saved },
    scratch: {},
    written: [...writtenResults(p), ...writtenMatrices(p, Object.keys(saved))],
    uploads: featureUploads(p, compiledFeatures(p, facts)),
    steps: (buffers) =>
      eachSlice(p, facts, ['dbias'], (operands, n) => {
        const steps = new NaiveSteps(p, facts, operands, buffers);
        const matrix = buffers[`p${n}`];
        return [
          steps.scores('qk', matrix),
          steps.softmax(matrix),
          steps.weightedSum(matrix, 'v', 'v', 'out', 'out', { transposed: false, scale: 1, dropout: true }),
        ];
      }),
  };
}

/**
 * Its backward (Dao 2022, Algorithm 3): dV = dropout(P)^T dO, dP = dropout(dO V^T), dS = P * (dP - rowsum(P * dP)),
 * dQ = scale dS K, dK = scale dS^T Q. Inputs those of the forward, dout and P; outputs dq, dk, dv, dbias; dP becomes dS in a
 * scratch matrix, and the soft cap's derivative needs the scores once more.
 */
export function naiveBackward(p: Problem, facts: DeviceFacts): Plan {
  const saved = matrices(p, facts);
  const scratch = Math.max(...Object.values(saved));
  return {
    path: `naive backward: five passes, ${Object.keys(saved).length} chunk(s) of heads (${facts.kind})`,
    tiles: null,
    outputs: gradientBytes(p),
    scratch: { ds: scratch, ...(p.softcap > 0 ? { s: scratch } : {}), ...dbiasScratch(p) },
    written: [...writtenGradients(p), ...writtenMatrices(p, ['ds', 's'])],
    uploads: featureUploads(p, compiledFeatures(p, facts)),
    steps: (buffers) => [
      ...eachSlice(p, facts, ['dbias'], (operands, n) => {
        const steps = new NaiveSteps(p, facts, operands, buffers);
        const matrix = buffers[`p${n}`];
        const { ds } = buffers;
        const into = (name: 'dq' | 'dk' | 'dv'): string => gradientBuffer(p, name);
        return [
          steps.weightedSum(matrix, 'out', 'dout', 'v', into('dv'), { transposed: true, scale: 1, dropout: true }),
          steps.scores('dout v', ds),
          steps.softmaxBackward(matrix, ds),
          ...(hasDbias(p) ? [steps.dbias(ds)] : []),
          ...(p.softcap > 0 ? [steps.scores('qk', buffers.s), steps.softcapBackward(buffers.s, ds)] : []),
          steps.weightedSum(ds, 'k', 'k', 'q', into('dq'), { transposed: false, scale: p.scale, dropout: false }),
          steps.weightedSum(ds, 'q', 'q', 'k', into('dk'), { transposed: true, scale: p.scale, dropout: false }),
        ];
      }),
      ...finishDbias(p, buffers),
    ],
  };
}

import type { AttentionInfo } from '../api/on-device';
import type { Tensor } from '../tensor/tensor';

type Progress = (fraction: number) => void;

/** For each stage of a call, what tells its part of the progress; `costs` are operations of the stages. */
export function progressOfStages(onProgress: Progress | undefined, costs: readonly number[]): (Progress | undefined)[] {
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  let before = 0;
  return costs.map((cost) => {
    const begin = before;
    before += cost;
    return onProgress && ((fraction) => onProgress((begin + fraction * cost) / total));
  });
}

/**
 * What the stages of a call did, as one.
 * @param passed tensors that go from one stage to another, and so were counted by two
 */
export function infoOfStages(path: string, infos: readonly AttentionInfo[], passed: readonly Tensor[]): AttentionInfo {
  const sum = (of: (info: AttentionInfo) => number): number => infos.reduce((total, info) => total + of(info), 0);
  // Buffers are whole multiples of 16 bytes.
  const twice = passed.reduce((total, { bytes }) => total + Math.ceil(bytes / 16) * 16, 0);
  return {
    path: `${path}: ${infos.map((info) => info.path).join('; ')}`,
    tiles: infos.find(({ tiles }) => tiles)?.tiles ?? null,
    dispatches: sum(({ dispatches }) => dispatches),
    deviceBytes: sum(({ deviceBytes }) => deviceBytes) - twice,
    gpuMs: infos.some(({ gpuMs }) => gpuMs === null) ? null : sum(({ gpuMs }) => gpuMs ?? 0),
  };
}

import type { MatrixUnit } from '../wgsl/matrix-types';

/** The WebGPU features that matrix kernels need; the first is not in the standard yet. */
export const MATRIX_FEATURES = ['chromium-experimental-subgroup-matrix', 'shader-f16', 'subgroups'] as GPUFeatureName[];
/** Asked for as well, where subgroups vary in size. */
export const SIZE_FEATURE = 'subgroup-size-control' as GPUFeatureName;

/** What adapters tell of their units, as Dawn has it. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The largest product of halves summed in floats that a device offers, or null. */
export function matrixUnit(info: GPUAdapterInfo, features: GPUSupportedFeatures): MatrixUnit | null {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  const pinned = subgroupMinSize !== subgroupMaxSize;
  const able = MATRIX_FEATURES.every((name) => features.has(name)) && (!pinned || features.has(SIZE_FEATURE));
  if (!able || subgroupMaxSize === 0) return null;
  const configs = (info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> }).subgroupMatrixConfigs ?? [];
  const [best] = [...configs]
    .filter((c) => c.componentType === 'f16' && c.resultComponentType === 'f32')
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return best ? { M: best.M, N: best.N, K: best.K, lanes: subgroupMaxSize, pinned } : null;
}

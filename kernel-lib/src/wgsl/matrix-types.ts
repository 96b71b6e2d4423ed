// What WGSL needs to be told of a device's matrix units.

/** A kind of product that the matrix units do: an M x K matrix of halves times a K x N one, summed in floats. */
export interface MatrixUnit {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Lanes of a subgroup. */
  readonly lanes: number;
  /** Subgroups vary in size on this device, so that the kernel must ask for this one. */
  readonly pinned: boolean;
  /** The driver rounds floats to the nearest halves, ties to even; not known until it is tried (api/learn-rounding.ts). */
  readonly rounds?: boolean;
}

/** How the subgroups of a workgroup share the products: see matrices.ts. */
export interface MatrixShape {
  /** Subgroups of a workgroup. */
  readonly subgroups: number;
  /** Matrices of rows of a subgroup. */
  readonly rows: number;
  /** Subgroups that share them. */
  readonly split: number;
  /** Rows of the other side in a turn. */
  readonly step: number;
}

/** What a module begins with. */
export const enableMatrices = ({ pinned }: MatrixUnit): string => `
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
${pinned ? 'enable subgroup_size_control;' : ''}
diagnostic(off, chromium.subgroup_matrix_uniformity);
diagnostic(off, subgroup_uniformity);`;

/** The types of a unit's operands: Left (M x K), Right (K x N) and Result (M x N); WGSL names columns before rows. */
export const matrixTypes = ({ M, N, K }: MatrixUnit): string => `
alias Left = subgroup_matrix_left<f16, ${K}, ${M}>;
alias Right = subgroup_matrix_right<f16, ${N}, ${K}>;
alias Result = subgroup_matrix_result<f32, ${N}, ${M}>;`;

/** The attributes of an entry point with this many threads. */
export const matrixEntry = ({ lanes, pinned }: MatrixUnit, count: number): string =>
  `@compute @workgroup_size(${count}) ${pinned ? `@subgroup_size(${lanes})` : ''}`;

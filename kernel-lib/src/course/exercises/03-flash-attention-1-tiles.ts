/** Queries and keys of a tile. */
export interface Tiles {
  br: number;
  bc: number;
}

export const tileLabel = ({ N, d, br, bc }: Tiles & { N: number; d: number }): string =>
  `N = ${N}, d = ${d}, br = ${br}, bc = ${bc}`;

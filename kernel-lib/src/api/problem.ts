/** Order of the axes of q, k, v, out, dout, dq, dk and dv: (B,H,N,D) or (B,N,H,D). */
export type Layout = 'bhnd' | 'bnhd';

/**
 * A checked attention problem: every number is in range and the shapes agree, so the code that receives one checks nothing.
 *
 * `B` batch, `H` query heads, `Hk` key/value heads (H % Hk === 0; query head h reads head floor(h*Hk/H)), `Nq` and `Nk`
 * lengths of the queries and the keys, `D` head size of q and k, `Dv` head size of v and out.
 */
export interface Problem {
  readonly B: number;
  readonly H: number;
  readonly Hk: number;
  readonly Nq: number;
  readonly Nk: number;
  readonly D: number;
  readonly Dv: number;
  /** Factor of q.k before softmax. */
  readonly scale: number;
  /** Query i sees key j only where j <= i + Nk - Nq (bottom-right aligned). */
  readonly causal: boolean;
  readonly layout: Layout;
}

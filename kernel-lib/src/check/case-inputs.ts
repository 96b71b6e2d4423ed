import { randn } from '../tensor/random';
import type { CheckCase } from './case-name';

/** q, k, v and the gradient of out, each contiguous in 'bhnd' order whatever the case's layout says. */
export interface CaseInputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly dout: Float32Array;
}

/** Standard normal numbers by the case's seed; q and k times its factor. */
export async function caseInputs({ B, H, Hk, Nq, Nk, D, Dv, times, seed }: CheckCase): Promise<CaseInputs> {
  // Four streams of one seed; neighbouring seeds of a case share none of them.
  const draw = async (shape: number[], stream: number): Promise<Float32Array> => {
    const drawn = randn(shape, { seed: (seed * 4 + stream) % 2 ** 32 });
    const data = await drawn.data();
    drawn.dispose();
    return data;
  };
  const grow = (x: Float32Array): Float32Array => x.map((value) => value * times);
  return {
    q: grow(await draw([B, H, Nq, D], 0)),
    k: grow(await draw([B, Hk, Nk, D], 1)),
    v: await draw([B, Hk, Nk, Dv], 2),
    dout: await draw([B, H, Nq, Dv], 3),
  };
}

import { decodePlan } from '../kernels/decode/plan';
import { bindScope } from '../tensor/scope';
import { fromBuffer, type Tensor } from '../tensor/tensor';
import { checkHeadAxes, checkSequences, type VarlenOptions, type VarlenResult } from './attention-varlen';
import { checkCachePlaces, checkCacheTensors } from './check-kv-cache';
import { checkSameDtype, checkTensor, fail } from './checks';
import { FlashError } from './errors';
import { onDevice } from './on-device';
import { checkCall, checkDtypes } from './validate';

export interface VarlenPagedOptions extends VarlenOptions {
  /** Pages of each sequence's keys, (B,maxPages). */
  blockTable: readonly (readonly number[])[];
}

const ARGUMENTS = { cache_k: 'k', cache_v: 'v' };

/**
 * attentionVarlen with the keys in pages, as flash-attn's flash_attn_varlen_func takes them: cuSeqlensK tells only how many keys each
 * sequence has. The pages are read where they lie. flash2 alone, and no backward, as in the original.
 *
 * @param q (totalQ,H,D)
 * @param k (pages,pageSize,Hk,D)
 * @param v (pages,pageSize,Hk,Dv)
 */
export async function attentionVarlenPaged(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { blockTable, cuSeqlensQ, cuSeqlensK, algorithm = 'flash2', tiles, ...options }: VarlenPagedOptions,
): Promise<VarlenResult> {
  if (algorithm !== 'flash2') fail('algorithm', "'flash2' together with a blockTable", algorithm);
  if (tiles !== undefined) fail('tiles', 'none together with a blockTable', tiles);
  checkTensor('q', q, 3);
  checkHeadAxes('q', q);
  const dtype = checkDtypes({ q });
  const [totalQ, H, D] = q.shape;
  const { cache, element } = checkCacheTensors({ k, v }, D);
  checkSameDtype('k', k, dtype, 'q');
  const [, , Hk, Dv] = v.shape;
  const { sequences, B, Nq, Nk } = checkSequences({ cuSeqlensQ, cuSeqlensK }, { q: totalQ });
  const cacheSeqlens = sequences.cuSeqlensK.slice(1).map((end, b) => end - sequences.cuSeqlensK[b]);
  const places = checkCachePlaces(cache, element, { cacheSeqlens, blockTable }, { B, D, newRows: 0 });
  const { problem, signal, onProgress } = checkCall(options, {
    ...{ B, H, Hk, Nq, Nk, D, Dv },
    ...{ layout: 'bnhd', dtype, packing: 'none', sequences },
  });
  const p = { ...problem, cache: places.cache };
  const decode = { newRows: 0, positions: new Int32Array(0), rotary: null, advance: false, splits: 1 };
  const { bias, mask } = options;
  const tensors = { q, cache_k: k, cache_v: v, ...(bias ? { bias } : {}), ...(mask ? { mask } : {}) };
  const inScope = bindScope();
  const { device, outputs, info } = await onDevice(tensors, (facts) => decodePlan(p, decode, facts), {
    ...{ signal, onProgress, names: ARGUMENTS },
  });
  return inScope(() => {
    const out = fromBuffer(device, outputs.out, [totalQ, H, Dv], dtype);
    const lse = fromBuffer(device, outputs.lse, [H, totalQ]);
    return {
      ...{ out, lse, info, seed: problem.dropout?.seed },
      backward: () =>
        Promise.reject(new FlashError('UNSUPPORTED', 'backward: keys in pages have none, as in flash-attn.')),
      dispose: () => [out, lse].forEach((t) => t.dispose()),
    };
  });
}

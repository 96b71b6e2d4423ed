import type { Kernel } from '../../device/pipeline-cache';
import { CACHE_ROW_WGSL, SCALE_INDEX_WGSL } from '../../features/key-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import type { Element } from '../../wgsl/staging';
import { readFunction, type Rotary, rotaryBindings, rotatedWgsl, scalarArray } from './rotary';

/** Threads of a workgroup. */
export const APPEND_I8_THREADS = 32;

/**
 * New rows for an i8 cache: x is stored as round(x / scale), with one scale for each head and block of rows. A workgroup owns a
 * block of one head.
 *
 *     top = max |new rows of the block|;  scale' = max(scale, top / 127)
 *     rows that were there: round(byte * scale / scale')   (only where the scale grew)
 *     new rows: round(x / scale')
 *
 * So no number is ever cut off, and each is wrong by at most scale'/2 for every time its block's scale grew. Bytes of a word may
 * belong to other heads or rows, so they are exchanged by atomics.
 */
export function appendI8Kernel(width: number, from: Element, rotary: Rotary | null, params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: ${scalarArray(from)};
@group(0) @binding(2) var<storage, read> words: array<u32>;
@group(0) @binding(3) var<storage, read_write> cache: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> scales: array<f32>;
${rotaryBindings(rotary, 5)}
var<workgroup> tops: array<f32, ${APPEND_I8_THREADS}>;
fn word(at: u32) -> u32 { return words[at]; }
${CACHE_ROW_WGSL}
${SCALE_INDEX_WGSL}
${readFunction('x', from)}
${rotatedWgsl('x', rotary)}
fn store_byte(at: u32, value: f32) {
  let bit = 8u * (at & 3u);
  atomicAnd(&cache[at / 4u], ~(0xffu << bit));
  atomicOr(&cache[at / 4u], (bitcast<u32>(i32(round(value))) & 0xffu) << bit);
}
fn load_byte(at: u32) -> f32 {
  return f32((bitcast<i32>(atomicLoad(&cache[at / 4u])) << (24u - 8u * (at & 3u))) >> 24u);
}

@compute @workgroup_size(${APPEND_I8_THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let group = params.first + id.x;
  let hk = group % params.Hk;
  let b = group / params.Hk / params.blocks;
  let length = word(params.positions + b);
  // Blocks do not cross pages: the n-th one that new rows touch, counted from that of the first.
  let page_begin = length / params.page_size * params.page_size;
  let skipped = (length - page_begin) / params.scale_block + group / params.Hk % params.blocks;
  let page = page_begin + skipped / params.page_blocks * params.page_size;
  let begin = page + skipped % params.page_blocks * params.scale_block;
  let end = min(min(begin + params.scale_block, page + params.page_size), length + params.N);
  if (begin >= end) { return; }
  let first_new = max(begin, length);
  let count = (end - first_new) * ${width}u;

  var top = 0.0;
  for (var e = lid; e < count; e += ${APPEND_I8_THREADS}u) {
    let t = first_new + e / ${width}u;
    top = max(top, abs(rotated(((b * params.N + t - length) * params.Hk + hk) * ${width}u, e % ${width}u, t)));
  }
  tops[lid] = top;
  workgroupBarrier();
  for (var n = 0u; n < ${APPEND_I8_THREADS}u; n++) { top = max(top, tops[n]); }
  let index = scale_index(cache_row(b, begin), hk);
  let old = select(0.0, scales[index], begin < length);
  storageBarrier();
  // A block of numbers too small for a scale of its own is a block of zeros.
  let scale = max(old, select(top / 127.0, 0.0, top < 1e-30));
  if (lid == 0u) { scales[index] = scale; }
  let to_bytes = select(1.0 / scale, 0.0, scale == 0.0);
  if (scale > old) {
    for (var e = lid; e < (first_new - begin) * ${width}u; e += ${APPEND_I8_THREADS}u) {
      let at = (cache_row(b, begin + e / ${width}u) * params.Hk + hk) * ${width}u + e % ${width}u;
      store_byte(at, load_byte(at) * old * to_bytes);
    }
  }
  for (var e = lid; e < count; e += ${APPEND_I8_THREADS}u) {
    let t = first_new + e / ${width}u;
    let value = rotated(((b * params.N + t - length) * params.Hk + hk) * ${width}u, e % ${width}u, t);
    store_byte((cache_row(b, t) * params.Hk + hk) * ${width}u + e % ${width}u, clamp(value * to_bytes, -127.0, 127.0));
  }
}`;
  return {
    label: 'append to i8 cache',
    code,
    access: ['read', 'read', 'read_write', 'read_write', ...(rotary ? (['read', 'read'] as const) : [])],
  };
}

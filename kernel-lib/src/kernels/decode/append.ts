import type { Kernel } from '../../device/pipeline-cache';
import { CACHE_ROW_WGSL } from '../../features/key-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { type Element, PACK_WGSL } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { readFunction, type Rotary, rotaryBindings, rotatedWgsl, scalarArray } from './rotary';

/** vec4s of a workgroup, one a thread. */
export const APPEND_THREADS = 64;

/**
 * New rows x (B,N,Hk,width) are written into the cache behind the `positions[b]` rows that batch b has, turned by position where
 * there is a rotary embedding.
 *
 * A cache holds other rows beside the new ones, so a half that shares its word with another row's is exchanged by atomics.
 * @param width length of a row
 * @param from, into  how x and the cache are stored; i8 caches are append-i8.ts's
 */
export function appendKernel(
  width: number,
  from: Element,
  into: 'f32' | 'f16',
  rotary: Rotary | null,
  params: Params,
): Kernel {
  const shared = into === 'f16' && width % 2 === 1;
  const pairs = into === 'f16' && !shared;
  const write = shared
    ? `let bit = 16u * (at & 1u);
    atomicAnd(&cache[at / 2u], ~(0xffffu << bit));
    atomicOr(&cache[at / 2u], pack_halves(vec2f(rotated(row * ${width}u, d, t), 0.0)) << bit);`
    : pairs
      ? `if ((d & 1u) == 0u) { cache[at / 2u] = pack_halves(vec2f(rotated(row * ${width}u, d, t), rotated(row * ${width}u, d + 1u, t))); }`
      : `cache[at] = rotated(row * ${width}u, d, t);`;
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: ${scalarArray(from)};
@group(0) @binding(2) var<storage, read> words: array<u32>;
@group(0) @binding(3) var<storage, read_write> cache: array<${into === 'f32' ? 'f32' : shared ? 'atomic<u32>' : 'u32'}>;
${rotaryBindings(rotary, 4)}
fn word(at: u32) -> u32 { return words[at]; }
${CACHE_ROW_WGSL}
${readFunction('x', from)}
${rotatedWgsl('x', rotary)}
${PACK_WGSL}

@compute @workgroup_size(${APPEND_THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = (params.first + id.x) * ${APPEND_THREADS}u + lid;
  let row = n / ${vec4s(width)}u;
  if (row >= params.rows) { return; }
  let hk = row % params.Hk;
  let b = row / params.Hk / params.N;
  let t = word(params.positions + b) + row / params.Hk % params.N;
  let base = (cache_row(b, t) * params.Hk + hk) * ${width}u;
  for (var d = n % ${vec4s(width)}u * 4u; d < min(n % ${vec4s(width)}u * 4u + 4u, ${width}u); d++) {
    let at = base + d;
    ${write}
  }
}`;
  return {
    label: 'append to cache',
    code,
    access: ['read', 'read', 'read_write', ...(rotary ? (['read', 'read'] as const) : [])],
  };
}

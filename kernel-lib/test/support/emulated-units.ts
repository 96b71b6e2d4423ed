import type { FlashDevice } from '../../src/device/device';
import type { MatrixUnit } from '../../src/wgsl/matrix-types';

/**
 * Lets a device without matrix units have some, of any shape: kernels that use them are rewritten, before they are compiled, so that
 * matrices become arrays and products loops. Slow, but the rest of the text is the one that a real unit gets.
 * @param mistake WGSL that stands in place of the sum of products `s`, for units that are wrong
 */
export function emulateUnits(device: FlashDevice, unit: MatrixUnit, mistake = 's'): void {
  Object.assign(device, { unit, floatUnits: true });
  rewriteKernels(device, (code) => emulated(code, unit, mistake));
}

/** Lets a device compile other kernels than it is given. */
export function rewriteKernels({ gpu }: FlashDevice, rewrite: (code: string) => string): void {
  const { createShaderModule } = gpu;
  Object.assign(gpu, {
    createShaderModule: (descriptor: GPUShaderModuleDescriptor): GPUShaderModule =>
      createShaderModule.call(gpu, { ...descriptor, code: rewrite(descriptor.code) }),
  });
}

/** Lets a device cut off what halves do not hold, as WGSL allows. */
export const cutHalves = (device: FlashDevice): void =>
  rewriteKernels(
    device,
    (code) => `${code.replaceAll(/\bpack2x16float\(/g, 'cut_halves(')}
fn cut_halves(v: vec2f) -> u32 { return pack2x16float(bitcast<vec2f>(bitcast<vec2u>(v) & vec2u(0xffffe000u))); }`,
  );

/**
 * The matrices. A result is spread over the lanes, `each` elements in a row a lane. The own rows, which outlive what they were loaded
 * from, are whole in every lane. What is loaded for a product at once is read where it lies.
 */
const types = ({ M, N, K, lanes }: MatrixUnit): string => `
alias Own = array<f32, ${M * K}>;
alias Result = array<f32, ${(M * N) / lanes}>;
struct Place { array: u32, at: u32, row: u32, column: u32 }`;

/** `half_at(p, r, c)`: element (r, c) of a matrix of halves that lies in one of these arrays. */
const halfAt = (arrays: readonly string[]): string => `
fn half_at(p: Place, r: u32, c: u32) -> f32 {
  let word = p.at * 8u + r * p.row + c * p.column;
  ${arrays.map((name, n) => `if (p.array == ${n}u) { return unpack2x16float(${name}[word / 8u][word % 8u / 2u])[word % 2u]; }`).join('\n  ')}
  return 0.0;
}`;

function functions({ M, N, K, lanes }: MatrixUnit, mistake: string): string {
  const each = (M * N) / lanes;
  const multiply = (name: string, type: string, element: string): string => `
fn ${name}(lane: u32, a: ${type}, b: Place, sum: Result) -> Result {
  var m = sum;
  for (var i = 0u; i < ${each}u + params.zero; i++) {
    let r = (lane * ${each}u + i) / ${N}u;
    let c = (lane * ${each}u + i) % ${N}u;
    var s = m[i];
    for (var k = 0u; k < ${K}u + params.zero; k++) { s = fma(${element}, half_at(b, k, c), s); }
    m[i] = ${mistake};
  }
  return m;
}`;
  return `
fn load_own(p: Place) -> Own {
  var m: Own;
  for (var e = 0u; e < ${M * K}u + params.zero; e++) { m[e] = half_at(p, e / ${K}u, e % ${K}u); }
  return m;
}
fn load_result(lane: u32, at: u32, stride: u32) -> Result {
  var m: Result;
  for (var i = 0u; i < ${each}u + params.zero; i++) {
    let e = lane * ${each}u + i;
    m[i] = bitcast<f32>(scores[at + e / ${N}u * stride + e % ${N}u / 4u][e % 4u]);
  }
  return m;
}
fn store_result(lane: u32, at: u32, m: Result, stride: u32) {
  for (var i = 0u; i < ${each}u + params.zero; i += 4u) {
    let e = lane * ${each}u + i;
    scores[at + e / ${N}u * stride + e % ${N}u / 4u] = bitcast<vec4u>(vec4f(m[i], m[i + 1u], m[i + 2u], m[i + 3u]));
  }
}
// Lanes of an emulated subgroup may be in several of the device's own.
var<workgroup> exchanged: array<f32, 256>;
fn shuffle_xor(lid: u32, value: f32, mask: u32) -> f32 {
  workgroupBarrier();
  exchanged[lid] = value;
  workgroupBarrier();
  return exchanged[lid ^ mask];
}
${multiply('multiply_own', 'Own', `a[r * ${K}u + k]`)}
${multiply('multiply_weights', 'Place', 'half_at(a, r, k)')}`;
}

function emulated(code: string, unit: MatrixUnit, mistake: string): string {
  if (!code.includes('chromium_experimental_subgroup_matrix')) return code;
  const arrays = [
    'scores',
    'weights',
    ...new Set(Array.from(code.matchAll(/var<workgroup> (stage_\w+):/g), ([, name]) => name)),
  ];
  const text = code
    .replace(/enable (f16|chromium_experimental_subgroup_matrix|subgroup_size_control);/g, '')
    .replace('diagnostic(off, chromium.subgroup_matrix_uniformity);', '')
    .replace(/alias (Left|Right|Result) = [^;]*;/g, '')
    .replace(/subgroupMatrixLoad<Result, row_major>\(&scores, /g, 'load_result(lane, ')
    .replace(/subgroupMatrixStore<row_major>\(&scores, /g, 'store_result(lane, ')
    .replace(
      /(let (\w+) = )subgroupMatrixLoad<\w+, (row|col)_major>\(&(\w+), ([^;]*), (\d+)u\);/g,
      (_, begin: string, name: string, order: string, array: string, at: string, stride: string) => {
        const steps = order === 'row' ? `${8 * Number(stride)}u, 1u` : `1u, ${8 * Number(stride)}u`;
        const place = `Place(${arrays.indexOf(array)}u, ${at}, ${steps})`;
        return `${begin}${name.startsWith('own_') ? `load_own(${place})` : place};`;
      },
    )
    .replaceAll('subgroupShuffleXor(', 'shuffle_xor(lid, ')
    .replaceAll('subgroupMatrixMultiplyAccumulate(own_', 'multiply_own(lane, own_')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply_weights(lane, ')
    .replace('fn to_half', `${types(unit)}\n${halfAt(arrays)}\n${functions(unit, mistake)}\nfn to_half`);
  return text;
}

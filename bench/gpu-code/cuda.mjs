// WGSL of the library's kernels as CUDA C++, word by word: not all of WGSL, but what the kernels are made of. What they call is in wgsl.cuh.

/** `atomic<u32>` is plain memory there. */
const typeOf = (type) => type.trim().replace(/^atomic<(\w+)>$/, '$1');

/** `name: array<vec4u, 8>` is `vec4u name[8]`. */
function declare(name, type) {
  const array = /^array<(.+), *(\d+)>$/.exec(type.trim());
  return array ? `${typeOf(array[1])} ${name}[${array[2]}]` : `${typeOf(type)} ${name}`;
}

/** `a: u32, b: f32` as [name, type]. */
const pairs = (list) =>
  list
    .split(',')
    .filter((pair) => pair.trim())
    .map((pair) => pair.split(':').map((part) => part.trim()));

const parameters = (list) =>
  pairs(list)
    .map(([name, type]) => declare(name, type))
    .join(', ');

/** With the constructor that WGSL gives every struct. */
function struct(_, name, list) {
  const fields = pairs(list);
  const members = fields.map(([field, type]) => `${declare(field, type)};`).join(' ');
  const given = fields.map(([field, type]) => declare(`${field}_`, type)).join(', ');
  const set = fields.map(([field]) => `${field}(${field}_)`).join(', ');
  return `struct ${name} { ${members} ${name}() = default; __device__ ${name}(${given}) : ${set} {} };`;
}

const BUILTINS = {
  workgroup_id: 'vec3u NAME = {blockIdx.x, blockIdx.y, blockIdx.z};',
  local_invocation_index: 'u32 NAME = threadIdx.x;',
  subgroup_invocation_id: 'u32 NAME = threadIdx.x % 32u;',
};

function entry(_, threads, list) {
  const inputs = [...list.matchAll(/@builtin\((\w+)\) (\w+)/g)];
  const values = inputs.map(([, builtin, name]) => BUILTINS[builtin].replace('NAME', name)).join(' ');
  return `extern "C" __global__ void __launch_bounds__(${threads}) kernel() { ${values}`;
}

export function toCuda(wgsl) {
  const code = wgsl
    .replace(/\/\/.*$/gm, '')
    .replace(/^\s*(enable|diagnostic|alias)\b.*$/gm, '')
    // Floats: without a suffix they would be doubles.
    .replace(/(?<![\w.])(0x1p-?\d+|\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)(?![\w.])/g, '$1f')
    .replace(/\.(xy|zw|zwxy)\b/g, '.$1()')
    .replace(/struct (\w+) \{([^}]*)\}/g, struct)
    .replace(/@group\(\d+\) @binding\(\d+\) var<uniform> (\w+): (\w+);/g, '__constant__ $2 $1;')
    .replace(
      /@group\(\d+\) @binding\(\d+\) var<storage, read> (\w+): array<(.+?)>;/g,
      '__constant__ const $2* __restrict__ $1;',
    )
    .replace(
      /@group\(\d+\) @binding\(\d+\) var<storage, read_write> (\w+): array<(.+?)>;/g,
      '__constant__ $2* __restrict__ $1;',
    )
    .replace(/var<workgroup> (\w+): (.+?);/g, (_, name, type) => `__shared__ ${declare(name, type)};`)
    .replace(/@compute @workgroup_size\((\d+)\)\s*fn main\(([^{]*)\) \{/g, entry)
    .replace(
      /fn (\w+)\(([^)]*)\)(?: -> (\w+))? \{/g,
      (_, name, list, result = 'void') => `__device__ __forceinline__ ${result} ${name}(${parameters(list)}) {`,
    )
    .replace(/\bvar (\w+): ([^;=]+);/g, (_, name, type) => `${declare(name, type)} = {};`)
    .replace(/\bvar (\w+): ([^;=]+) =/g, (_, name, type) => `${declare(name, type)} =`)
    .replace(/\b(?:let|var) (\w+) =/g, 'auto $1 =');
  // In WGSL a function may call one that comes later.
  const structs = code.match(/^struct .*$/gm) ?? [];
  const heads = [...code.matchAll(/^(__device__ __forceinline__ .*?\)) \{/gm)].map(([, head]) => `${head};`);
  const rest = code.replace(/^struct .*$/gm, '');
  return `#include "wgsl.cuh"\nnamespace wgsl {\n${[...structs, ...heads].join('\n')}\n${rest}\n}\n`;
}

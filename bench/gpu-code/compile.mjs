// compile.mjs FILE: compiles a kernel on the first adapter that there is; the driver prints what it made of it.
import { readFileSync } from 'node:fs';
import { create } from 'webgpu';

const gpu = create(['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia']);
const adapter = await gpu.requestAdapter();
const { limits } = adapter;
const requiredFeatures = ['chromium-experimental-subgroup-matrix', 'shader-f16', 'subgroups'];
const requiredLimits = Object.fromEntries(
  ['maxComputeWorkgroupStorageSize', 'maxStorageBuffersPerShaderStage', 'maxComputeInvocationsPerWorkgroup'].map(
    (name) => [name, limits[name]],
  ),
);
const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
const module = device.createShaderModule({ code: readFileSync(process.argv[2], 'utf8') });
await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
process.exit();

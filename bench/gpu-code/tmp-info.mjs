import { create } from 'webgpu';
const gpu = create(['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia']);
const adapter = await gpu.requestAdapter();
if (!adapter) { console.log('none'); process.exit(1); }
const i = adapter.info;
console.log(i.vendor, i.architecture, i.device, i.description, i.subgroupMinSize, i.subgroupMaxSize);
console.log([...adapter.features].join(' '));
console.log(JSON.stringify([...(i.subgroupMatrixConfigs ?? [])].map((c) => [c.componentType, c.resultComponentType, c.M, c.N, c.K])));
process.exit(0);

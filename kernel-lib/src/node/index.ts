import { AsyncLocalStorage } from 'node:async_hooks';
import { setGpuProvider } from '../device/gpu-provider';
import { type Scope, setScopeStorage } from '../tensor/scope';
import { nodeAdapter } from './adapters';

// The library in Node: the same exports, with the GPU of the npm package webgpu and scopes that follow awaits handed in.
setGpuProvider(nodeAdapter);

const scopes = new AsyncLocalStorage<Scope | undefined>();
setScopeStorage({ current: () => scopes.getStore(), run: (scope, body) => scopes.run(scope, body) });

export * from '../index';

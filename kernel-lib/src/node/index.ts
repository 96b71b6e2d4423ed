import { AsyncLocalStorage } from 'node:async_hooks';
import { setPause } from '../device/doze';
import { setGpuProvider } from '../device/gpu-provider';
import { setTuningStore } from '../device/tuning';
import { setFileOpener } from '../load/source';
import { type Scope, setScopeStorage } from '../tensor/scope';
import { nodeAdapter } from './adapters';
import { openFile } from './files';
import { pause } from './pause';
import { tuningFile } from './tuning-file';

// The library in Node: the same exports, with the GPU of the npm package webgpu, files, tunings, sleep and scopes that follow awaits handed in.
setGpuProvider(nodeAdapter);
setFileOpener(openFile);
setTuningStore(tuningFile);
setPause(pause);

const scopes = new AsyncLocalStorage<Scope | undefined>();
setScopeStorage({ current: () => scopes.getStore(), run: (scope, body) => scopes.run(scope, body) });

export * from '../index';

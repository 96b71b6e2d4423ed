import Module, { createRequire } from 'node:module';
import * as path from 'node:path';
import type * as library from '../node/index';
import type { AttentionReport } from '../experiments/attention-report';

/** The notebook's `flash`: the library's exports and what the magics leave behind. */
export type NotebookFlash = typeof library & { last: AttentionReport | undefined };

const PACKAGE = '@flashlab/kernel-lib';
const ENTRY = path.join(__dirname, '..', 'node', 'index.js');

let flash: NotebookFlash | undefined;

/** The notebook's `flash`; loads the library at first use, which starts no device. */
export function notebookFlash(): NotebookFlash {
  flash ??= { ...(createRequire(__filename)(ENTRY) as typeof library), last: undefined };
  return flash;
}

/** Makes `import … from '@flashlab/kernel-lib'` this very package in every cell, whatever the notebook's folder. */
export function resolveLibrary(): void {
  const internals = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string };
  const resolve = internals._resolveFilename;
  internals._resolveFilename = (request, ...rest) =>
    request === PACKAGE ? ENTRY : resolve.call(Module, request, ...rest);
}

import { randomUUID } from 'node:crypto';
import { Console } from 'node:console';
import type { DisplayHandle, PlotlyInput } from '../globals';
import { notebookFlash, provideRegister } from '../library';
import { registerMagic } from '../magics/register';
import { defineMagics } from '../magics/run';
import type { MimeBundle } from '../protocol';
import { currentCell, type Cell } from './cell';
import type { Comms } from './comms';
import { silent, toMimeBundle } from './display';
import type { Input } from './input';
import type { Notebook } from './notebook';
import { ProgressBar } from './progress';
import type { Sources } from './sources';

const PLOTLY = 'application/vnd.plotly.v1+json';

export interface GlobalsParts {
  input: Input;
  comms: Comms;
  sources: Sources;
  notebook: Notebook;
  /** The cell to which output belongs that no cell can be found for: that of a native callback, say. */
  fallback(): Cell | undefined;
}

/** Defines what globals.ts declares, and sends what is printed to the cell that prints it. */
export function defineGlobals({ input, comms, sources, notebook, fallback }: GlobalsParts): void {
  const here = (): Cell => {
    const cell = currentCell.getStore() ?? fallback();
    if (!cell) throw new Error('no cell has run yet');
    return cell;
  };
  redirect(process.stdout, 'stdout', sources, fallback);
  redirect(process.stderr, 'stderr', sources, fallback);
  const values = {
    console: new Console({ stdout: process.stdout, stderr: process.stderr, colorMode: false }),
    input: (prompt = '', options: { password?: boolean } = {}) =>
      input.ask(here(), String(prompt), options.password === true),
    display: Object.assign(
      (value: unknown, options: { id?: string; raw?: boolean } = {}) => display(here(), value, options),
      {
        html: (text: string, { id }: { id?: string } = {}) =>
          display(here(), { 'text/html': String(text), 'text/plain': String(text) }, { id, raw: true }),
        plotly: (figure: PlotlyInput, { id }: { id?: string } = {}) => {
          const handle = display(here(), plotlyBundle(figure), { id, raw: true });
          const update = (next: object, { raw = false } = {}): void =>
            handle.update(raw ? next : plotlyBundle(next as PlotlyInput), { raw: true });
          return silent({ id: handle.id, update });
        },
        progress: (label: string) => silent(new ProgressBar(here(), String(label))),
      },
    ),
    clearOutput: (options: { wait?: boolean } = {}) => here().publish('clear_output', { wait: options.wait === true }),
    comms: {
      registerTarget: comms.registerTarget.bind(comms),
      unregisterTarget: comms.unregisterTarget.bind(comms),
      start: comms.start.bind(comms),
    },
  };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
  }
  // Looked up when a cell first says `flash`, so that the kernel starts without it.
  Object.defineProperty(globalThis, 'flash', { get: notebookFlash, configurable: true, enumerable: false });
  provideRegister(registerMagic);
  defineMagics(globalThis, notebook);
}

const plotlyBundle = ({ data, layout = {} }: PlotlyInput): MimeBundle => ({
  [PLOTLY]: { data, layout },
  'text/plain': 'a plotly figure',
});

function display(cell: Cell, first: unknown, options: { id?: string; raw?: boolean }): DisplayHandle {
  const id = options.id ?? randomUUID();
  let shown = false;
  const show = (value: unknown, raw: boolean | undefined): void => {
    const publish = (bundle: MimeBundle): void => {
      cell.display(bundle, id, shown);
      shown = true;
    };
    const bundle = raw === true ? (value as MimeBundle) : toMimeBundle(value);
    if (bundle instanceof Promise) cell.track(bundle.then(publish));
    else publish(bundle);
  };
  show(first, options.raw);
  return silent({ id, update: (value, { raw }: { raw?: boolean } = {}) => show(value, raw) });
}

/** What code writes to a stream of the process becomes output of its cell; the rest stays in the log of the server. */
function redirect(
  stream: NodeJS.WriteStream,
  name: 'stdout' | 'stderr',
  sources: Sources,
  fallback: () => Cell | undefined,
): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  const replaced = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const cell = currentCell.getStore() ?? fallback();
    if (!cell) return write(chunk, ...rest);
    cell.stream(name, sources.translate(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')));
    const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined;
    if (done) process.nextTick(done);
    return true;
  };
  stream.write = replaced as typeof stream.write;
}

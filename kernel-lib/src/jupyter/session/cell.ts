import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import type { Outputs } from '../outputs';
import type { Header, Json, MimeBundle } from '../protocol';

/** A cell magic that waits for the body of its cell to end. */
export interface PendingMagic {
  name: string;
  args: unknown[];
}

/** What %%capture keeps of a cell. */
export interface Captured {
  stdout: string;
  stderr: string;
  /** What was displayed, as MIME bundles. */
  readonly outputs: MimeBundle[];
}

/** Why an interrupted cell ended. */
export class InterruptedError extends Error {
  override readonly name = 'Interrupted';

  constructor() {
    super('the cell was interrupted');
  }
}

export interface CellOptions {
  /** Header of the execute_request: the parent of all that the cell puts out, however late. */
  header: Header;
  /** Routing prefix of the front end that sent the cell. */
  idents: Uint8Array[];
  count: number;
  silent: boolean;
  allowStdin: boolean;
}

/** One run of one cell: where its output goes, and how it is stopped. */
export class Cell {
  readonly controller = new AbortController();
  /** Rejects when the cell is interrupted, and never resolves. */
  readonly interrupted: Promise<never>;
  pending: PendingMagic | undefined;
  private readonly started: Promise<unknown>[] = [];
  private captured: Captured | undefined;

  constructor(
    readonly options: CellOptions,
    private readonly outputs: Outputs,
  ) {
    // Every call of the library listens, and a cell may have any number of them at once.
    setMaxListeners(0, this.controller.signal);
    this.interrupted = new Promise((_, reject) => {
      this.controller.signal.addEventListener('abort', () => reject(this.controller.signal.reason as Error), {
        once: true,
      });
    });
    this.interrupted.catch(() => {});
  }

  /** Rejects when the cell has been interrupted for `ms` milliseconds. */
  interruptedFor(ms: number): Promise<never> {
    return this.interrupted.catch(async (reason: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      throw reason;
    });
  }

  interrupt(): void {
    this.controller.abort(new InterruptedError());
  }

  /** Makes the cell wait for `work`, and fail with it. */
  track(work: Promise<unknown>): void {
    work.catch(() => {});
    this.started.push(work);
  }

  /** Resolves when all that was tracked is done. */
  async settled(): Promise<void> {
    for (let work = this.started.shift(); work; work = this.started.shift()) await work;
  }

  /** From now on nothing of the cell is shown; returns what keeps it instead. */
  capture(): Captured {
    this.captured = { stdout: '', stderr: '', outputs: [] };
    return this.captured;
  }

  stream(name: 'stdout' | 'stderr', text: string): void {
    if (this.captured) this.captured[name] += text;
    else if (!this.options.silent) this.outputs.stream(this.options.header, name, text);
  }

  publish(type: string, content: Json, buffers?: Uint8Array[]): void {
    if (this.captured && CAPTURED.has(type)) {
      if (type !== 'clear_output') this.captured.outputs.push(content.data as MimeBundle);
      return;
    }
    if (this.options.silent) return;
    this.outputs.publish({ type, content, parent: this.options.header, ...(buffers && { buffers }) });
  }

  /** Shows a MIME bundle; `update` replaces the output that has the same id wherever it stands. */
  display(data: MimeBundle, id?: string, update = false): void {
    const transient = id === undefined ? {} : { display_id: id };
    this.publish(update ? 'update_display_data' : 'display_data', { data, metadata: {}, transient });
  }
}

/** Messages that %%capture keeps back; an error is shown all the same. */
const CAPTURED = new Set(['display_data', 'update_display_data', 'execute_result', 'clear_output']);

/** The cell on whose behalf code runs, also in its timers and after its end. */
export const currentCell = new AsyncLocalStorage<Cell>();

import type * as library from '../node/index';
import type { AttentionReportOptions } from '../experiments/attention-report';
import type { IoModelOptions } from '../experiments/io-model-options';
import type { MemoryOptions } from '../experiments/memory';
import type { TraceOptions } from '../experiments/trace-options';
import type { NotebookExtras } from './library';
import type { Captured } from './session/cell';
import type { Comm, CommTarget } from './session/comms';
import type { Json } from './protocol';

/** An output that can be replaced. */
export interface DisplayHandle {
  /** The display id. */
  readonly id: string;
  /** Shows `value` in the place of what is shown there now. */
  update(value: unknown, options?: { raw?: boolean }): void;
}

/** A figure as plotly.js takes it. */
export interface PlotlyInput {
  data: readonly object[];
  layout?: object;
}

/** A figure that is shown. */
export interface FigureHandle {
  /** The display id. */
  readonly id: string;
  /** Draws another figure in its place. */
  update(figure: PlotlyInput): void;
  /** Shows a MIME bundle in its place. */
  update(bundle: object, options: { raw: true }): void;
}

/** A bar that grows in the output of its cell. */
export interface Progress {
  /** `fraction` of the work, 0 to 1, is done; the bar never goes back. */
  update(fraction: number): void;
  /** Fills the bar and tells how long it took. */
  finish(): void;
  /** Leaves the bar where it is and says so. */
  stop(): void;
}

/** The notebook's `display`. */
export interface Display {
  /**
   * Shows a value now: what its method `[Symbol.for('Jupyter.display')]()` returns (a MIME bundle), else as text; with
   * `raw` the value is such a bundle itself. An `id` names the output; one that is shown already can be updated by it.
   */
  (value: unknown, options?: { id?: string; raw?: boolean }): DisplayHandle;
  /** Shows HTML. */
  html(text: string, options?: { id?: string }): DisplayHandle;
  /** Shows a figure as plotly.js draws it; `update` of what it returns draws another one in its place. */
  plotly(figure: PlotlyInput, options?: { id?: string }): FigureHandle;
  /** A progress bar, which appears with its first step. */
  progress(label: string): Progress;
}

/** Magics that take a whole cell. */
export interface FlashCellMagics {
  /**
   * Runs FlashAttention forward and backward, checks both against naive attention and a float64 reference, and shows
   * errors, times, memory and a figure. Its report is left in `flash.last`.
   *
   * The rest of the cell runs first, as an ordinary cell. If its value is `{ q, k, v }`, these tensors are the inputs; else
   * they are random, of the sizes in `options`.
   */
  attention(options?: AttentionReportOptions): void;
}

/** Magics on a line of their own. */
export interface FlashLineMagics {
  /** Shows the device that computes: adapter, driver, features, limits, and why it was chosen. */
  device(): Promise<void>;
  /** Compares the kernels with float64 over a table of shapes, and shows every failure. */
  check(options?: library.CheckOptions): Promise<void>;
  /** Times forward and backward of several algorithms over lengths. */
  bench(options?: library.BenchOptions): Promise<void>;
  /** Shows the memory of standard attention and of FlashAttention, by formula and as allocated. */
  memory(options: MemoryOptions): Promise<void>;
  /** Walks over the tiles of FlashAttention-1 and 2 on a small input: m, l and O tile by tile, and the order of the tiles. */
  trace(options?: TraceOptions): Promise<void>;
  /** Counts what FlashAttention-1 and 2 read from memory and write to it. */
  ioModel(options?: IoModelOptions): Promise<void>;
}

/** What every cell sees. The names with `$` are how magics are spelled in compiled code: `%%flash` is `$$flash`. */
declare global {
  /** The FlashLab library. */
  const flash: typeof library & NotebookExtras;
  /** Its types that cells name most. */
  // eslint-disable-next-line @typescript-eslint/no-namespace -- there is no other way to types behind a global name
  namespace flash {
    type Tensor = library.Tensor;
    type DType = library.DType;
    type Algorithm = library.Algorithm;
    type AttentionOptions = library.AttentionOptions;
    type AttentionResult = library.AttentionResult;
    type AttentionGradients = library.AttentionGradients;
  }
  const $$flash: FlashCellMagics;
  const $flash: FlashLineMagics;
  /** Lists the magics. */
  function $lsmagic(): Promise<void>;
  /**
   * Runs the cell, which is WGSL, over tensors: the options are those of `flash.wgsl`. What it wrote is the value of the cell, and
   * left in `flash.written`.
   */
  function $$wgsl(options: library.WgslOptions): void;
  /** Runs the expression behind it, tells how long it took and gives its value. */
  function $time<T>(work: () => Promise<T>): Promise<T>;
  /** Tells how long the cell took. */
  function $$time(): void;
  /** Shows nothing of the cell; the variable named behind it keeps what it puts out. */
  function $$capture(): Captured;
  /** Lists the variables of the notebook with their types and values. */
  function $who(): Promise<void>;
  /** Forgets all variables of the notebook, when the cell has ended. */
  function $reset(): Promise<void>;
  /** Runs a file as if it were this cell, in which it must be alone: its variables stay. */
  function $run(file: string): Promise<void>;
  /** Changes the current folder, and tells which it is. */
  function $cd(folder?: string): Promise<void>;
  /** Sets an environment variable by `NAME=value`; shows one by its `NAME`, or all of them. */
  function $env(text?: string): Promise<void>;
  /** Shows the cell as HTML. */
  function $$html(): void;
  /** Shows the cell as Markdown. */
  function $$markdown(): void;
  /** Shows the cell as an SVG picture. */
  function $$svg(): void;
  /** Magics that cells have added by `flash.registerMagic`. */
  const $user: Record<string, (...args: unknown[]) => Promise<unknown>>;
  const $$user: Record<string, (...args: unknown[]) => void>;
  /** Asks the reader for a line of text. Rejects when the front end has no way to ask. */
  function input(prompt?: string, options?: { password?: boolean }): Promise<string>;
  /** Shows a value now, in the output of the cell. */
  const display: Display;
  /** Clears the output of the cell; with `wait`, when the next output comes. */
  function clearOutput(options?: { wait?: boolean }): void;
  /** Channels between the notebook's code and the front end. */
  const comms: {
    /** Answers comms that the front end opens for `target`. */
    registerTarget(target: string, answer: CommTarget): void;
    unregisterTarget(target: string): void;
    /** Opens a comm to the front end, which must know `target`. */
    start(target: string, data?: Json, buffers?: Uint8Array[]): Comm;
  };
}

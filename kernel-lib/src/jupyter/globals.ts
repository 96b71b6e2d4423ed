import type * as library from '../node/index';
import type { AttentionReport, AttentionReportOptions } from '../experiments/attention-report';
import type { Comm, CommTarget } from './session/comms';
import type { Json } from './protocol';

/** An output that can be replaced. */
export interface DisplayHandle {
  /** The display id. */
  readonly id: string;
  /** Shows `value` in the place of what is shown there now. */
  update(value: unknown, options?: { raw?: boolean }): void;
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
}

/** What every cell sees. The names with `$` are how magics are spelled in compiled code: `%%flash` is `$$flash`. */
declare global {
  /** The FlashLab library. */
  const flash: typeof library & {
    /** The report of the latest `%%flash.attention`. */
    last: AttentionReport | undefined;
  };
  const $$flash: FlashCellMagics;
  const $flash: FlashLineMagics;
  /** Lists the magics. */
  function $lsmagic(): Promise<void>;
  /** Asks the reader for a line of text. Rejects when the front end has no way to ask. */
  function input(prompt?: string, options?: { password?: boolean }): Promise<string>;
  /**
   * Shows a value now: what its method `[Symbol.for('Jupyter.display')]()` returns (a MIME bundle), else as text; with
   * `raw` the value is such a bundle itself. An `id` names the output; one that is shown already can be updated by it.
   */
  function display(value: unknown, options?: { id?: string; raw?: boolean }): DisplayHandle;
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

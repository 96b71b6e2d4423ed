import { parseCell } from '../magics/parse';
import { magics } from '../magics/registry';
import { runCellMagic } from '../magics/run';
import { fileOf } from '../magics/run-file';
import type { Outputs } from '../outputs';
import type { ErrorContent, Json, Message } from '../protocol';
import { Cell, currentCell, InterruptedError } from './cell';
import { describeName } from './complete-inspect';
import { complaints, describeComplaints } from './diagnostics';
import { toMimeBundle, toMimeBundles } from './display';
import { describeError } from './errors';
import { helpTopic } from './help';
import type { History } from './history';
import type { Notebook } from './notebook';
import type { Sources } from './sources';

/** How long an interrupted magic may take to end by itself and say how far it came, in milliseconds. */
const MAGIC_GRACE_MS = 1000;

/** What running a cell needs of the kernel. */
export interface ExecuteParts {
  notebook: Notebook;
  outputs: Outputs;
  history: History;
  sources: Sources;
  /** Called with the cell before it runs and with undefined after it. */
  onCell(cell: Cell | undefined): void;
}

/** Runs the cells of execute_requests and counts them. */
export class Execution {
  private count = 0;

  constructor(private readonly parts: ExecuteParts) {}

  /** Runs one execute_request; returns the content of its reply. What goes wrong is an `error`, never a rejection. */
  async run(request: Message): Promise<Json> {
    const { code, silent: quiet, store_history: store, user_expressions: expressions } = request.content;
    if (typeof code !== 'string') throw new TypeError(`code must be a string, got ${JSON.stringify(code)}`);
    const silent = quiet === true;
    const stored = !silent && store !== false;
    if (stored) this.count++;
    const cell = new Cell(
      {
        header: request.header,
        idents: request.idents,
        count: this.count,
        silent,
        allowStdin: request.content.allow_stdin === true,
      },
      this.parts.outputs,
    );
    cell.publish('execute_input', { code, execution_count: this.count });
    this.parts.onCell(cell);
    try {
      const result = await this.evaluate(cell, code, `cell [${this.count}]`);
      if ('error' in result) return this.failed(cell, result.error, stored ? code : undefined);
      const shown = result.value === undefined || result.value === null ? [] : await toMimeBundles(result.value);
      const last = shown.pop();
      for (const bundle of shown) cell.display(bundle);
      if (last) cell.publish('execute_result', { execution_count: this.count, data: last, metadata: {} });
      if (stored)
        this.parts.history.add(this.count, code, last === undefined ? null : String(last['text/plain'] ?? ''));
      return {
        status: 'ok',
        execution_count: this.count,
        payload: [],
        user_expressions: await this.userExpressions(cell, expressions),
      };
    } catch (error) {
      return this.failed(cell, describeError(error, this.parts.sources), stored ? code : undefined);
    } finally {
      this.parts.onCell(undefined);
    }
  }

  private failed(cell: Cell, error: ErrorContent, stored: string | undefined): Json {
    if (stored !== undefined) this.parts.history.add(this.count, stored, null);
    cell.publish('error', { ...error });
    return { status: 'error', execution_count: this.count, ...error };
  }

  /** Runs a cell with its magics. The value is that of the last expression; undefined and null are not shown. */
  private async evaluate(
    cell: Cell,
    text: string,
    label: string,
  ): Promise<{ value: unknown } | { error: ErrorContent }> {
    const file = fileOf(text);
    if (file) return this.evaluate(cell, file.text, file.path);
    const topic = helpTopic(text);
    if (topic !== undefined) return this.explain(cell, topic);
    const parsed = parseCell(text, magics);
    if (parsed.problems.length > 0) return { error: describeComplaints('MagicError', parsed.problems, text) };
    try {
      const outcome = await this.parts.notebook.execute(cell, parsed, text, label);
      if (outcome.kind === 'refused') {
        return {
          error: describeComplaints(
            'TypeScriptError',
            complaints(outcome.conversion.diagnostics, outcome.offsets),
            text,
          ),
        };
      }
      if (outcome.kind === 'thrown') throw outcome.error;
      await Promise.race([cell.settled(), cell.interrupted]);
      const { pending } = cell;
      // A promise is shown as what it gives.
      if (!pending) return { value: await Promise.race([outcome.value, cell.interrupted]) };
      const body = parsed.textBody ?? outcome.value;
      const magic = currentCell.run(cell, () => runCellMagic(cell, pending, body, this.parts.notebook));
      return { value: await Promise.race([magic, cell.interruptedFor(MAGIC_GRACE_MS)]) };
    } catch (error) {
      // What an interrupt broke off may complain in its own way; the reader asked for the interrupt.
      const cause = cell.controller.signal.aborted || isBreak(error) ? new InterruptedError() : error;
      return { error: describeError(cause, this.parts.sources) };
    }
  }

  private explain(cell: Cell, name: string): { value: unknown } | { error: ErrorContent } {
    const known = describeName(this.parts.notebook, name);
    if (!known) {
      const evalue = `${name}: nothing is known of this name`;
      return { error: { ename: 'NameError', evalue, traceback: [`NameError: ${evalue}`] } };
    }
    cell.display(known);
    return { value: undefined };
  }

  private async userExpressions(cell: Cell, expressions: unknown): Promise<Json> {
    const answers: Json = {};
    for (const [name, expression] of Object.entries((expressions ?? {}) as Record<string, string>)) {
      try {
        const result = await this.evaluate(cell, expression, `user expression ${name}`);
        answers[name] =
          'error' in result
            ? { status: 'error', ...result.error }
            : { status: 'ok', data: await toMimeBundle(result.value), metadata: {} };
      } catch (error) {
        answers[name] = { status: 'error', ...describeError(error, this.parts.sources) };
      }
    }
    return answers;
  }
}

/** Whether `error` is how Node reports a script that SIGINT broke off. */
function isBreak(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
}

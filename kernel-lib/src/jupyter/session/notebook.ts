import { createRequire } from 'node:module';
import type * as executorModule from 'tslab/dist/executor';
import { createCompiler, type Compiler, type Conversion } from '../compiler';
import { Offsets } from '../magics/offsets';
import type { ParsedCell } from '../magics/parse';
import { currentCell, type Cell } from './cell';
import { plainVariables, untie, type Variables, withPlainImports, withTiedVariables } from './plain-variables';
import type { Sources } from './sources';

/** Loads what is not wanted before the first cell, or not in every notebook. */
const load = createRequire(__filename);

/** Runs work that must not be cut off by an interrupt. */
export type Guard = <T>(work: () => T) => T;

/** How a cell ended. */
export type Outcome =
  | { kind: 'value'; value: unknown }
  | { kind: 'thrown'; error: unknown }
  | { kind: 'refused'; conversion: Conversion; offsets: Offsets };

/** What is running: filled in by the compiler and the executor while it runs. */
interface Run {
  cell: Cell;
  text: string;
  parsed: ParsedCell;
  label: string;
  conversion?: Conversion;
  value?: unknown;
  error?: unknown;
}

interface Loaded {
  compiler: Compiler;
  executor: executorModule.Executor;
  variables: Variables;
}

/** The variables and types of a notebook: tslab's compiler and executor, loaded at first use. */
export class Notebook {
  private loadedParts: Loaded | undefined;
  private run: Run | undefined;
  private resetAfter = false;

  constructor(
    private readonly sources: Sources,
    private readonly guard: Guard,
  ) {}

  /** Loads the compiler, which takes about a second and blocks. */
  load(): Loaded {
    this.loadedParts ??= this.guard(() => this.create());
    return this.loadedParts;
  }

  /** Compiles and runs a parsed cell. `text` is the cell as written, `label` its name in errors. */
  execute(cell: Cell, parsed: ParsedCell, text: string, label: string): Promise<Outcome> {
    const { executor, compiler, variables } = this.load();
    const shorthands = this.guard(() => compiler.shorthands(parsed.code));
    const code = new Offsets(shorthands).apply(parsed.code);
    const run: Run = { cell, text, parsed: { ...parsed, code, offsets: parsed.offsets.followedBy(shorthands) }, label };
    if (/\btslab\b/.test(text)) connectTslabDisplay();
    const finished = new Promise<Outcome>((resolve, reject) => {
      // In a turn of its own: an interrupt may tear down the whole stack below, and our caller must outlive that.
      setImmediate(() => {
        this.run = run;
        currentCell.run(cell, () => {
          executor.execute(code).then((ok) => resolve(outcome(run, ok)), reject);
        });
      });
    });
    return Promise.race([finished, cell.interrupted]).finally(() => {
      // tslab's name for the value of the cell.
      const value = run.conversion?.lastExpressionVar;
      if (value) delete variables[value];
      if (this.resetAfter) {
        executor.reset();
        for (const name of Object.keys(variables)) delete variables[name];
      }
      this.resetAfter = false;
    });
  }

  /** Forgets all variables: at the end of the cell that runs, whose own would come back otherwise. */
  reset(): void {
    this.resetAfter = true;
  }

  /** Values of all variables, by name. */
  locals(): Variables {
    return this.load().variables;
  }

  /** Ends an `await` of the running cell. */
  interrupt(): void {
    this.loadedParts?.executor.interrupt();
  }

  inspect(code: string, position: number): ReturnType<executorModule.Executor['inspect']> {
    return this.guard(() => this.load().executor.inspect(code, position));
  }

  complete(code: string, position: number): ReturnType<executorModule.Executor['complete']> {
    return this.guard(() => this.load().executor.complete(code, position));
  }

  private create(): Loaded {
    const compiler = createCompiler();
    const node = { ...compiler, convert: (prevDecl: string, src: string) => this.convert(compiler, prevDecl, src) };
    const { createExecutor } = load('tslab/dist/executor') as typeof executorModule;
    const executor = createExecutor(
      process.cwd(),
      { node, browser: node, close: () => compiler.close() },
      {
        log: (value: unknown) => void (this.run!.value = value),
        error: (...args: unknown[]) => this.executorFailed(args),
      },
    );
    return { compiler, executor, variables: plainVariables(executor) };
  }

  private convert(compiler: Compiler, prevDecl: string, src: string): Conversion {
    const conversion = this.guard(() => compiler.convert(prevDecl, src));
    const run = this.run!;
    run.conversion = conversion;
    if (conversion.output === undefined) return conversion;
    const { label, text, parsed } = run;
    const name = this.sources.add({
      label,
      text,
      code: parsed.code,
      offsets: parsed.offsets,
      locate: conversion.locate,
    });
    const output = withPlainImports(conversion.output);
    if (conversion.diagnostics.length === 0) untie(this.load().variables, output);
    return { ...conversion, output: withTiedVariables(output, compiler.assignable(output)) + name };
  }

  /** tslab reports here what a cell threw, and, one by one, the diagnostics that `conversion` holds anyway. */
  private executorFailed(args: unknown[]): void {
    const run = this.run!;
    if (run.conversion?.diagnostics.length) return;
    if (args.length === 1) run.error = args[0];
    // A cell that defines a module (`/** @module name */`) is kept in spite of its diagnostics: they are warnings.
    else
      run.cell.stream(
        'stderr',
        `${args[1] as string}${args[2] as number}:${args[3] as number} - ${args[4] as string}\n`,
      );
  }
}

function outcome(run: Run, ok: boolean): Outcome {
  if (ok) return { kind: 'value', value: run.value };
  if (run.conversion?.diagnostics.length)
    return { kind: 'refused', conversion: run.conversion, offsets: run.parsed.offsets };
  return { kind: 'thrown', error: run.error };
}

/** Lets `tslab.display` of notebooks written for tslab reach the cell that calls it. */
function connectTslabDisplay(): void {
  const jupyter = load('tslab/dist/jupyter') as { lastWriteDisplayData: unknown };
  jupyter.lastWriteDisplayData = (
    content: { data: Record<string, string>; transient: { display_id?: string } },
    update: boolean | undefined,
  ) => currentCell.getStore()?.display(content.data, content.transient.display_id, update);
}

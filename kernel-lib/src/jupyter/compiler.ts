import { createRequire, SourceMap, type SourceMapPayload } from 'node:module';
import * as path from 'node:path';
import type * as converterModule from 'tslab/dist/converter';
import type { Insertion } from './magics/offsets';

/** A cell after conversion, with what is needed to find its lines again. */
export interface Conversion extends converterModule.ConvertResult {
  /** Line and column (both 1-based) of the cell for a position of the JavaScript; undefined where there is none. */
  locate(line: number, column: number): { line: number; column: number } | undefined;
}

export interface Compiler extends Omit<converterModule.Converter, 'convert'> {
  convert(prevDecl: string, src: string): Conversion;
  isCompleteCode(code: string): converterModule.IsCompleteResult;
  /** Number of errors that the parser alone finds. */
  syntaxErrors(code: string): number;
  /**
   * What must be inserted to spell out every `{ x }` that stands for `{ x: x }`, as tslab turns names of earlier cells into
   * `exports.x`, but not there; and to quote the `a` of `const { a: b } = x`, which it takes for such a name.
   */
  shorthands(code: string): Insertion[];
  /** Names that stand outside of any function in JavaScript and may be assigned to: those of let and var. */
  assignable(javascript: string): string[];
}

/** The declarations that every cell sees: `flash`, the magics, `input` and the like. */
const PRELUDE = `import ${JSON.stringify(slashes(path.join(__dirname, 'globals')))};\n`;
/** Name of the file that tslab gives to the cell. */
const CELL_FILE = '__tslab__.ts';

/** The few parts of the TypeScript inside tslab that are changed here. */
interface TypeScript {
  createWatchCompilerHost(
    roots: string[],
    options: object,
    system: System,
    createProgram: CreateProgram | undefined,
    ...rest: unknown[]
  ): WatchHost;
  /** What a watch makes its programs with where it is not told. */
  createEmitAndSemanticDiagnosticsBuilderProgram: CreateProgram;
  createSourceFile(name: string, source: string, target: number): SourceFile;
  forEachChild(node: TypeScriptNode, visit: (child: TypeScriptNode) => void): void;
  ScriptTarget: { Latest: number };
  SyntaxKind: Record<'ShorthandPropertyAssignment' | 'VariableStatement' | 'BindingElement' | 'Identifier', number>;
  NodeFlags: { Const: number };
  transpileModule(source: string, options: { compilerOptions: object }): { outputText: string; sourceMapText?: string };
}
interface TypeScriptNode {
  kind: number;
  name?: NameNode;
  /** In a pattern: the name of the property that gets another one. */
  propertyName?: NameNode;
}
type NameNode = TypeScriptNode & { text: string; end: number };
interface VariableStatement extends TypeScriptNode {
  declarationList: { flags: number; declarations: readonly TypeScriptNode[] };
}
interface SourceFile extends TypeScriptNode {
  /** The file before its `await`s of the top level were understood. */
  original?: { path: string };
  parseDiagnostics?: unknown[];
  statements: readonly TypeScriptNode[];
}
interface System {
  watchFile(file: string, ...rest: unknown[]): { close(): void };
  watchDirectory(...args: unknown[]): { close(): void };
}
type CreateProgram = (roots: string[], options: object, host: CompilerHost, ...rest: unknown[]) => unknown;
interface CompilerHost {
  getSourceFileByPath?(name: string, path: string, ...rest: unknown[]): SourceFile | undefined;
}
interface WatchHost {
  hasInvalidatedResolutions?(file: string): boolean;
}

/**
 * tslab's converter with options of our own. tslab offers none, so its module of TypeScript is replaced while it loads by
 * one whose compiler host takes ours:
 * - types: only Node's and WebGPU's, found beside this package, instead of every @types package near the notebook
 *   (seconds at the start) or none at all (no `console`);
 * - paths: `@flashlab/kernel-lib` is this very package from any folder;
 * - source maps of both of tslab's passes, for errors with the cell's own lines;
 * - no watching of folders and declaration files: hundreds of timers, and a change of node_modules makes tslab throw.
 */
function loadConverter(maps: Map<string, string>): { converter: typeof converterModule; typescript: TypeScript } {
  const file = require.resolve('tslab/dist/converter');
  const tslabRequire = createRequire(file);
  const typescriptFile = tslabRequire.resolve('@tslab/typescript-for-tslab');
  const typescript = tslabRequire(typescriptFile) as TypeScript;
  const module = require.cache[typescriptFile]!;
  const changed: TypeScript = {
    ...typescript,
    createWatchCompilerHost(roots, options, system, given, ...rest) {
      quietWatches(system);
      const own = { ...options, ...compilerOptions() };
      const createProgram = withOriginalPaths(given ?? typescript.createEmitAndSemanticDiagnosticsBuilderProgram);
      const host = typescript.createWatchCompilerHost(roots, own, system, createProgram, ...rest);
      // Nothing watches node_modules, so a package installed meanwhile is found by looking again for each cell.
      host.hasInvalidatedResolutions = (name) => name.toLowerCase().endsWith(CELL_FILE);
      return host;
    },
    transpileModule(source, options) {
      const result = typescript.transpileModule(source, {
        ...options,
        compilerOptions: { ...options.compilerOptions, sourceMap: true },
      });
      const text = stripMapComments(result.outputText);
      maps.set('first', inlineMap(source));
      maps.set('second', result.sourceMapText ?? '');
      return { ...result, outputText: text };
    },
  };
  module.exports = changed;
  try {
    return { converter: tslabRequire(file) as typeof converterModule, typescript };
  } finally {
    module.exports = typescript;
  }
}

/** Creates the compiler for cells in the current folder. Takes about a second. */
export function createCompiler(): Compiler {
  const maps = new Map<string, string>();
  const { converter: tslab, typescript } = loadConverter(maps);
  const converter = tslab.createConverter();
  return {
    ...converter,
    convert(prevDecl, src) {
      maps.clear();
      const result = converter.convert(PRELUDE + prevDecl, src);
      return {
        ...result,
        // tslab misses `await (...)`, which TypeScript takes for a call; in an async function it is none.
        hasToplevelAwait: result.hasToplevelAwait === true || /\bawait\b/.test(result.output ?? ''),
        locate: locator(maps.get('first'), maps.get('second'), result.output?.split('\n').length ?? 0),
      };
    },
    inspect: (prevDecl, src, position) => converter.inspect(PRELUDE + prevDecl, src, position),
    complete: (prevDecl, src, position) => converter.complete(PRELUDE + prevDecl, src, position),
    isCompleteCode: tslab.isCompleteCode,
    syntaxErrors(code) {
      const file = typescript.createSourceFile('cell.ts', code, typescript.ScriptTarget.Latest);
      return file.parseDiagnostics?.length ?? 0;
    },
    assignable(javascript) {
      if (!/^(?:let|var) /m.test(javascript)) return [];
      const found: string[] = [];
      // A declaration, or an element of a pattern.
      const collect = ({ name }: TypeScriptNode): void => {
        if (typeof name?.text === 'string') found.push(name.text);
        else if (name) typescript.forEachChild(name, collect);
      };
      const file = typescript.createSourceFile('cell.js', javascript, typescript.ScriptTarget.Latest);
      for (const statement of file.statements) {
        if (statement.kind !== typescript.SyntaxKind.VariableStatement) continue;
        const { flags, declarations } = (statement as VariableStatement).declarationList;
        if ((flags & typescript.NodeFlags.Const) === 0) declarations.forEach(collect);
      }
      return found;
    },
    shorthands(code) {
      const found: Insertion[] = [];
      if (!/[{,]\s*[\p{ID_Start}$_][\p{ID_Continue}$]*\s*[,}=:]/u.test(code)) return found;
      const { ShorthandPropertyAssignment, BindingElement, Identifier } = typescript.SyntaxKind;
      const visit = (node: TypeScriptNode): void => {
        const { kind, name, propertyName: renamed } = node;
        if (kind === ShorthandPropertyAssignment && name) found.push({ at: name.end, text: `: ${name.text}` });
        if (kind === BindingElement && renamed?.kind === Identifier) {
          found.push({ at: renamed.end - renamed.text.length, text: "'" }, { at: renamed.end, text: "'" });
        }
        typescript.forEachChild(node, visit);
      };
      visit(typescript.createSourceFile('cell.ts', code, typescript.ScriptTarget.Latest));
      return found;
    },
  };
}

function compilerOptions(): object {
  const here = createRequire(__filename);
  const nodeTypes = path.dirname(here.resolve('@types/node/package.json'));
  const webgpuTypes = path.dirname(here.resolve('@webgpu/types/package.json'));
  return {
    types: ['node', '@webgpu/types'],
    typeRoots: [path.dirname(nodeTypes), path.dirname(path.dirname(webgpuTypes))].map(slashes),
    paths: { '@flashlab/kernel-lib': [slashes(path.join(__dirname, '..', 'node', 'index'))] },
    inlineSourceMap: true,
  };
}

/**
 * A cell with `(await x).y` is parsed twice; the compiler asks the first file, too, where it lies, to spell imported types from
 * there, and breaks on one that does not know.
 */
function withOriginalPaths(createProgram: CreateProgram): CreateProgram {
  // A watch makes a program for each cell, with one and the same host.
  const seen = new WeakSet<CompilerHost>();
  return (roots, options, host, ...rest) => {
    const get = seen.has(host) ? undefined : host.getSourceFileByPath;
    seen.add(host);
    if (get) {
      host.getSourceFileByPath = (name, path, ...more) => {
        const file = get.call(host, name, path, ...more);
        if (file?.original?.path === '') file.original.path = path;
        return file;
      };
    }
    return createProgram(roots, options, host, ...rest);
  };
}

function quietWatches(system: System): void {
  const watchFile = system.watchFile;
  const idle = { close(): void {} };
  system.watchFile = (file, ...rest) => {
    const own = /__(prev__\.d|tslab__)\.ts$/.test(file);
    const source = /\.[cm]?[jt]sx?$/.test(file) && !/\.d\.[cm]?ts$/.test(file);
    return own || source ? watchFile(file, ...rest) : idle;
  };
  system.watchDirectory = () => idle;
}

const MAP_COMMENT = /^\/\/# sourceMappingURL=.*$/gm;

function stripMapComments(code: string): string {
  return code.replace(MAP_COMMENT, '');
}

function inlineMap(code: string): string {
  const comment = code.match(MAP_COMMENT)?.at(-1);
  const data = comment?.slice(comment.indexOf('base64,') + 'base64,'.length);
  return data === undefined ? '' : Buffer.from(data, 'base64').toString('utf8');
}

/** Goes back through both passes: CommonJS to ES module to the cell, whose file starts with a line of tslab's. */
function locator(first: string | undefined, second: string | undefined, lines: number): Conversion['locate'] {
  let outer: SourceMap | undefined;
  let inner: SourceMap | undefined;
  return (line, column) => {
    // Behind the last line stands the call that runs the cell.
    if (!first || !second || line > lines) return undefined;
    outer ??= new SourceMap(JSON.parse(second) as SourceMapPayload);
    inner ??= new SourceMap(JSON.parse(first) as SourceMapPayload);
    const middle = outer.findEntry(line - 1, column - 1);
    if (!('originalLine' in middle)) return undefined;
    const entry = inner.findEntry(middle.originalLine, middle.originalColumn);
    if (!('originalLine' in entry) || entry.originalLine < 1) return undefined;
    return { line: entry.originalLine, column: entry.originalColumn + 1 };
  };
}

function slashes(file: string): string {
  return file.replace(/\\/g, '/');
}

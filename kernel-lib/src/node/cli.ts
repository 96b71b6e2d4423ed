import { parseArgs, type ParseArgsConfig } from 'node:util';
import { FlashError } from '../api/errors';
import { packageVersion } from './cli/package-root';
import type { CommandResult } from './cli/print';
import { USAGE, UsageError } from './cli/usage';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values = Record<string, string | boolean | undefined>;

interface Command {
  options: Options;
  /** Whether it takes arguments that are no options. */
  positionals: boolean;
  /** Loads what the command needs only when it runs. */
  run(values: Values, positionals: string[]): Promise<CommandResult>;
}

const TEXT = { type: 'string' } as const;
const WHERE: Options = {
  user: { type: 'boolean' },
  'sys-prefix': { type: 'boolean' },
  prefix: { type: 'string' },
  json: { type: 'boolean' },
};

const commands = new Map<string, Command>([
  [
    'doctor',
    {
      options: { json: { type: 'boolean' }, fix: { type: 'boolean' } },
      positionals: false,
      run: async (values) => (await import('./cli/doctor')).doctorCommand(values),
    },
  ],
  [
    'check',
    {
      options: {
        json: { type: 'boolean' },
        full: { type: 'boolean' },
        seed: { type: 'string' },
        algorithms: { type: 'string' },
      },
      positionals: true,
      run: async (values, filters) => (await import('./cli/check')).checkCommand(values, filters),
    },
  ],
  [
    'bench',
    {
      options: {
        json: { type: 'boolean' },
        causal: { type: 'boolean' },
        ...Object.fromEntries(
          ['seqs', 'algorithms', 'batch', 'heads', 'kv-heads', 'dim', 'dtype', 'masks', 'compare', 'figure'].map(
            (name) => [name, TEXT],
          ),
        ),
      },
      positionals: false,
      run: async (values) => (await import('./cli/bench')).benchCommand(values),
    },
  ],
  [
    'course',
    {
      options: { 'no-solutions': { type: 'boolean' }, json: { type: 'boolean' } },
      positionals: true,
      run: async ({ 'no-solutions': without, ...values }, folders) =>
        (await import('./cli/course')).courseCommand({ ...values, solutions: without !== true }, folders),
    },
  ],
  [
    'install',
    { options: WHERE, positionals: false, run: async (values) => (await import('./cli/install')).install(values) },
  ],
  [
    'uninstall',
    { options: WHERE, positionals: false, run: async (values) => (await import('./cli/install')).uninstall(values) },
  ],
]);

/** Runs a command line (without node and script). Exit code 2 means that it was not understood. */
export async function cli(args: readonly string[]): Promise<CommandResult & { errors?: string }> {
  const [name, ...rest] = args;
  if (name === undefined) return { text: '', errors: USAGE, code: 2 };
  if (args.includes('--help') || args.includes('-h') || name === 'help') return { text: USAGE, code: 0 };
  if (name === '--version') return { text: `${packageVersion()}\n`, code: 0 };
  try {
    const command = commands.get(name);
    if (!command) throw new UsageError(`unknown command ${name}; there are ${[...commands.keys()].join(', ')}`);
    const { values, positionals } = parse(command, rest);
    return await command.run(values, positionals);
  } catch (error) {
    if (error instanceof UsageError) return { text: '', errors: `flashlab: ${error.message}\n\n${USAGE}`, code: 2 };
    // A filter or seed that the library refuses is a command line that was not understood, too.
    const code = error instanceof FlashError && error.code === 'INVALID_ARGUMENT' ? 2 : 1;
    return { text: '', errors: `flashlab: ${(error as Error).message}\n`, code };
  }
}

/** Entry of the program: prints what `cli` says and ends the process. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const { text, errors = '', code } = await cli(args);
  await written(process.stderr, errors);
  await written(process.stdout, text);
  // A GPU that is still referenced would keep the process alive.
  process.exit(code);
}

function parse({ options, positionals }: Command, args: string[]): { values: Values; positionals: string[] } {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: positionals, strict: true });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    throw new UsageError((error as Error).message.split('. To specify')[0]!);
  }
}

function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}

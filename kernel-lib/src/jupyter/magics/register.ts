import { inspect } from 'node:util';
import { toMimeBundle } from '../session/display';
import type { Magic } from './magic';
import type { MagicKind } from './parse';
import { magics } from './registry';
import { USER_PREFIX } from './user-prefix';

/** What a magic of the reader's own is run with. */
export interface UserMagicCall {
  /** The arguments behind its name. */
  args: unknown[];
  /** Value of the rest of the cell; with `textBody`, its text. */
  body: unknown;
  /** Aborted when the cell is interrupted. */
  signal: AbortSignal;
  /** Shows a value in the cell. */
  display(value: unknown): Promise<void>;
}

/** A magic of the reader's own. */
export interface UserMagic {
  /** A word, without `%`. */
  name: string;
  /** 'line', the default, is `%name(…)` on a line; 'cell' is `%%name(…)` above a cell. */
  kind?: MagicKind;
  /** Of a cell magic: the rest of the cell is no TypeScript but text. Default false. */
  textBody?: boolean;
  /** One sentence for %lsmagic. */
  summary?: string;
  /** What it returns is shown as the value of the cell. */
  run(call: UserMagicCall): unknown;
}

const KNOWN = ['name', 'kind', 'textBody', 'summary', 'run'];

function fail(argument: string, expected: string, given: unknown): never {
  throw new TypeError(`registerMagic: ${argument}: expected ${expected}, got ${inspect(given, { depth: 0 })}.`);
}

/**
 * Adds a magic that cells after this one may use, or replaces one added before.
 * @throws TypeError that names what is wrong
 */
export function registerMagic(given: UserMagic): void {
  if (typeof given !== 'object' || given === null) fail('magic', '{ name, run, … }', given);
  for (const key of Object.keys(given)) if (!KNOWN.includes(key)) fail(key, `one of ${KNOWN.join(', ')}`, key);
  const { name, kind = 'line', textBody = false, summary = 'A magic of this notebook.', run } = given;
  if (typeof name !== 'string' || !/^[A-Za-z_]\w*$/.test(name)) fail('name', 'a word without %', name);
  if (kind !== 'line' && kind !== 'cell') fail('kind', "'line' or 'cell'", kind);
  if (typeof textBody !== 'boolean') fail('textBody', 'true or false', textBody);
  if (typeof summary !== 'string') fail('summary', 'a sentence', summary);
  if (typeof run !== 'function') fail('run', 'a function', run);
  const at = magics.findIndex((magic) => magic.kind === kind && magic.name === name);
  if (at >= 0 && !magics[at]!.prefix) fail('name', 'a name that no magic of this kernel has', name);
  const magic: Magic = {
    ...{ kind, name, textBody, summary, prefix: USER_PREFIX },
    usage: `${kind === 'cell' ? '%%' : '%'}${name}`,
    async run({ cell, args, body }) {
      const display = async (value: unknown): Promise<void> => cell.display(await toMimeBundle(value));
      return run({ args, body, signal: cell.controller.signal, display });
    },
  };
  magics.splice(at < 0 ? magics.length : at, at < 0 ? 0 : 1, magic);
}

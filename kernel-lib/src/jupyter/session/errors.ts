import { inspect } from 'node:util';
import type { ErrorContent } from '../protocol';
import { excerpt } from './excerpt';
import type { Sources } from './sources';

/** Frames of the machinery that runs cells; no reader has to do with them. */
const MACHINERY =
  /node:vm|node:internal|node:async_hooks|node:events|[\\/]tslab[\\/]dist[\\/]|[\\/]dist[\\/]cjs[\\/]jupyter[\\/]/;
/** Frames of the library, too: what it refuses is the caller's doing. */
const LIBRARY = new RegExp(`${MACHINERY.source}|[\\\\/]dist[\\\\/]cjs[\\\\/]`);
/** What the library refuses and what the course corrects. */
const FROM_LIBRARY = new Set(['FlashError', 'ExerciseError']);
const MAX_FRAMES = 20;
const MAX_CAUSES = 4;

/** Makes the content of an `error` message from whatever was thrown. */
export function describeError(error: unknown, sources: Sources): ErrorContent {
  if (!isError(error)) {
    const shown = inspect(error);
    return { ename: 'Thrown', evalue: shown, traceback: [`Thrown: ${shown}`] };
  }
  const traceback = trace(error, sources);
  let cause: unknown = error.cause;
  for (let i = 0; cause !== undefined && i < MAX_CAUSES; i++) {
    traceback.push(
      '',
      ...(isError(cause) ? trace(cause, sources) : [inspect(cause)]).map((line, n) =>
        n === 0 ? `Caused by ${line}` : line,
      ),
    );
    cause = isError(cause) ? cause.cause : undefined;
  }
  if (error instanceof AggregateError) {
    for (const each of (error.errors as unknown[]).slice(0, MAX_CAUSES))
      traceback.push('', ...(isError(each) ? trace(each, sources) : [inspect(each)]));
  }
  return { ename: error.name, evalue: error.message, traceback };
}

/** Errors made by code of a cell or by Node itself; both are instances of this realm's Error or look like one. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function trace(error: Error, sources: Sources): string[] {
  const code: unknown = (error as { code?: unknown }).code;
  const head = `${error.name}${typeof code === 'string' ? ` [${code}]` : ''}: ${error.message}`;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const hidden = FROM_LIBRARY.has(error.name) ? LIBRARY : MACHINERY;
  const shown: string[] = [];
  let lines = '';
  for (const frame of frames) {
    if (shown.length >= MAX_FRAMES) break;
    if (!sources.isCellFrame(frame)) {
      if (!hidden.test(frame)) shown.push(frame);
      continue;
    }
    const place = sources.place(frame);
    // Code that the compiler added around the cell has no place in it.
    if (!place) continue;
    if (lines === '') lines = excerpt(place.source.text, place.line, place.column);
    const name = /at (?:async )?([^\s(]+) \(/.exec(frame)?.[1];
    const at = `${place.source.label}, line ${place.line}, column ${place.column}`;
    shown.push(`    at ${name === undefined ? at : `${name} (${at})`}`);
  }
  return [...head.split('\n'), ...(lines === '' ? [] : lines.split('\n')), ...shown];
}

/** Something that `tidy` may free. */
export interface Disposable {
  dispose(): void;
}

/** What a result holds besides its named parts: kept where the result is kept. */
const OWNED = Symbol('flashlab.owned');

/** Says what a result holds, unseen by those who print it. */
export const owning = <T extends object>(result: T, held: readonly Disposable[]): T =>
  Object.defineProperty(result, OWNED, { value: held });

/** What was made inside one `tidy`. */
export type Scope = Set<Disposable>;

/** Where the current scope is kept. */
export interface ScopeStorage {
  current(): Scope | undefined;
  run<T>(scope: Scope | undefined, body: () => T): T;
}

/**
 * A plain variable: right for synchronous bodies everywhere. An asynchronous body keeps its scope only up to its first
 * `await` here, and what it makes later must be disposed by hand; Node hands in AsyncLocalStorage, which follows awaits.
 */
class VariableStorage implements ScopeStorage {
  private scope: Scope | undefined;

  current(): Scope | undefined {
    return this.scope;
  }

  run<T>(scope: Scope | undefined, body: () => T): T {
    const outer = this.scope;
    this.scope = scope;
    try {
      return body();
    } finally {
      this.scope = outer;
    }
  }
}

let storage: ScopeStorage = new VariableStorage();

export function setScopeStorage(next: ScopeStorage): void {
  storage = next;
}

/** Runs `body` as part of the scope that was current when the returned function was made. */
export function bindScope(): <T>(body: () => T) => T {
  const scope = storage.current();
  return (body) => storage.run(scope, body);
}

/** Runs `body` in no scope: what it makes is freed by its owner, not by a `tidy` around the call. */
export const untracked = <T>(body: () => T): T => storage.run(undefined, body);

/** Enters `item` into the current scope, if there is one. */
export function track<T extends Disposable>(item: T): T {
  storage.current()?.add(item);
  return item;
}

/** Calls `keep` for every disposable in a value: itself, in arrays, in plain objects and in results. */
function visit(value: unknown, keep: (item: Disposable) => void, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (typeof (value as Partial<Disposable>).dispose === 'function') keep(value as Disposable);
  if (ArrayBuffer.isView(value)) return;
  visit((value as { [OWNED]?: unknown })[OWNED], keep, seen);
  for (const part of value instanceof Map || value instanceof Set ? value.values() : Object.values(value)) {
    visit(part, keep, seen);
  }
}

function close<T>(scope: Scope, value: T): T {
  const kept = new Set<Disposable>();
  visit(value, (item) => kept.add(item));
  const outer = storage.current();
  for (const item of scope) {
    if (kept.has(item)) outer?.add(item);
    else item.dispose();
  }
  return value;
}

/**
 * Runs `fn` and disposes of every tensor that it made and did not return: alone, in an array, in an object or in a
 * result of attention; also when it throws. An asynchronous `fn` is followed to its end in Node; see {@link ScopeStorage} for browsers.
 */
export function tidy<T>(fn: () => T): T {
  const scope: Scope = new Set();
  const failed = (error: unknown): never => {
    close(scope, undefined);
    throw error;
  };
  let value: T;
  try {
    value = storage.run(scope, fn);
  } catch (error) {
    return failed(error);
  }
  if (value instanceof Promise) return value.then((result: unknown) => close(scope, result), failed) as T;
  return close(scope, value);
}

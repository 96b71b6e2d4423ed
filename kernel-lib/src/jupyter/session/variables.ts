import type { Notebook } from './notebook';

/** A variable of the notebook. */
export interface Variable {
  readonly name: string;
  /** As TypeScript says it; '' where it does not know. */
  readonly type: string;
  readonly value: unknown;
}

/** Variables, functions and classes that cells have declared. */
export function variablesOf(notebook: Notebook): Variable[] {
  // tslab keeps the value of a cell's last expression among them.
  const own = Object.entries(notebook.locals()).filter(([name]) => !/^tsLastExpr\d*$/.test(name));
  return own.map(([name, value]) => {
    const text = (notebook.inspect(name, 0)?.displayParts ?? []).map((part) => part.text).join('');
    const type = /^(?:const|let|var) [^:]+: ([^]*)$/.exec(text)?.[1] ?? text;
    return { name, type: type.replace(/\s+/g, ' '), value };
  });
}

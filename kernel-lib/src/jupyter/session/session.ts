import type { Json } from '../protocol';
import { describeName } from './complete-inspect';
import type { Notebook } from './notebook';

/** A variable of the notebook. */
export interface Variable {
  readonly name: string;
  /** As TypeScript says it; '' where it does not know. */
  readonly type: string;
  readonly value: unknown;
}

/** What magics may do with the notebook. */
export class Session {
  constructor(private readonly notebook: Notebook) {}

  /** Variables, functions and classes that cells have declared. */
  variables(): Variable[] {
    // tslab keeps the value of a cell's last expression among them.
    const own = Object.entries(this.notebook.locals()).filter(([name]) => !/^tsLastExpr\d*$/.test(name));
    return own.map(([name, value]) => {
      const text = (this.notebook.inspect(name, 0)?.displayParts ?? []).map((part) => part.text).join('');
      const type = /^(?:const|let|var) [^:]+: ([^]*)$/.exec(text)?.[1] ?? text;
      return { name, type: type.replace(/\s+/g, ' '), value };
    });
  }

  /** Forgets them, when the cell that runs has ended. */
  reset(): void {
    this.notebook.reset();
  }

  /** What is known of a name, as a MIME bundle; undefined where nothing is. */
  describe(name: string): Json | undefined {
    return describeName(this.notebook, name);
  }
}

import { runInThisContext } from 'node:vm';
import type { Executor } from 'tslab/dist/executor';

export type Variables = Record<string, unknown>;

/**
 * Makes the cells keep their variables in a plain object, which is returned. tslab's own is a proxy, so that a loop over variables
 * that stand outside of any function took a hundred times as long as within one; that one reads through to this from now on.
 */
export function plainVariables(executor: Executor): Variables {
  const variables: Variables = {};
  Object.setPrototypeOf(executor.locals, variables);
  (runInThisContext('__tslab__') as { exports: Variables }).exports = variables;
  return variables;
}

/** What TypeScript makes of an imported name that is exported again, as tslab does with each. */
const GETTER =
  /^Object\.defineProperty\(exports, ("[^"\n]+"), \{ enumerable: true, get: function \(\) \{ return ([\w$.]+); \} \}\);/gm;
/** How the JavaScript of a cell begins: all names that it declares. */
const DECLARED = /^(?:exports\.[\p{ID_Continue}$]+ = )+void 0;$/gmu;

/** The JavaScript of a cell with imported names as variables like others: a later cell may declare them anew. */
export const withPlainImports = (output: string): string => output.replace(GETTER, 'exports[$1] = $2;');

/**
 * The JavaScript of a cell followed by what ties its variables to those that later cells see. tslab copies them, so that a function
 * would never see what a later cell assigns.
 */
export function withTiedVariables(output: string, assignable: readonly string[]): string {
  const tied = assignable
    .filter((name) => output.includes(`exports.${name} = `))
    .map((name) => `${name}: { get: () => ${name}, set: (__${name}) => { ${name} = __${name}; }, ...tie }`);
  if (tied.length === 0) return output;
  return `${output}\n{ const tie = { enumerable: true, configurable: true }; Object.defineProperties(exports, { ${tied.join(', ')} }); }`;
}

/** Forgets the ties of names that a cell is about to declare anew: functions of earlier cells keep their own. */
export function untie(variables: Variables, output: string): void {
  for (const [line] of output.matchAll(DECLARED)) {
    for (const [, name] of line.matchAll(/exports\.([\p{ID_Continue}$]+)/gu)) {
      if (Object.getOwnPropertyDescriptor(variables, name)?.get) delete variables[name];
    }
  }
}

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { packageRoot } from './package-root';
import { jsonLines, type CommandResult } from './print';
import { UsageError } from './usage';

const SOLUTIONS = 'solutions';
/** What Jupyter and Python leave beside notebooks. */
const LEFTOVERS = /^(\.ipynb_checkpoints|__pycache__)$/;

/** `flashlab course DIR`: copies the notebooks into a folder that is not there or empty; all of them or nothing. */
export function courseCommand(
  options: { solutions?: boolean; json?: boolean },
  [folder, ...more]: readonly string[],
): CommandResult {
  if (folder === undefined || more.length > 0) throw new UsageError('course needs one folder');
  const target = path.resolve(folder);
  const source = courseFolder();
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new Error(`course: ${target} is not empty; nothing was changed. Name a new folder.`);
  }
  const withSolutions = options.solutions !== false;
  // Inside of a folder that is there, which may be a disk of its own.
  const fresh = existsSync(target) ? path.join(target, `new-${process.pid}`) : `${target}-new-${process.pid}`;
  mkdirSync(path.dirname(target), { recursive: true });
  mkdirSync(fresh);
  try {
    const wanted = (from: string): boolean =>
      !LEFTOVERS.test(path.basename(from)) && (withSolutions || path.relative(source, from) !== SOLUTIONS);
    cpSync(source, fresh, { recursive: true, filter: wanted });
    // An empty folder that is there may be the current one, or a mount.
    if (!existsSync(target)) renameSync(fresh, target);
    else for (const name of readdirSync(fresh)) renameSync(path.join(fresh, name), path.join(target, name));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  const lessons = readdirSync(target).filter((name) => name.endsWith('.ipynb'));
  const row = { folder: target, lessons: lessons.length, solutions: withSolutions };
  const text = `${row.lessons} lessons: ${target}\nOpen ${lessons.sort()[0]} there with the kernel TypeScript (FlashLab).\n`;
  return { text: options.json ? jsonLines([row]) : text, code: 0 };
}

/** Where the notebooks lie: in what a wheel brings beside the code, in a checkout beside the package. */
function courseFolder(): string {
  const places = ['notebooks', path.join('..', 'notebooks')].map((place) => path.join(packageRoot(), place));
  const found = places.find((place) => existsSync(path.join(place, '00-quickstart.ipynb')));
  if (!found) throw new Error('course: this installation has no notebooks; the wheel jupyterlab_flashlab brings them.');
  return found;
}

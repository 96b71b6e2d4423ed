// npm run course [-- [--all] [--json] [--site DIR] [NUMBER ...]]
//
// Runs the lessons of the course with their solutions, from top to bottom, and prints a line for each: code cells, seconds, exercises, and
// how many mistakes the exercises know. NUMBER (such as 03) chooses lessons; --all adds the Chinese ones; --site makes HTML pages of what ran.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { exitCode } from './setup/exit-code.mjs';
import { setUp } from './setup/index.mjs';
import { jupyterEnvironment } from './setup/paths.mjs';
import { Problem, runProgram } from './setup/problem.mjs';

/** The file by which site.py marks what it wrote. */
const MARK = '.flashlab-course';
const USAGE = 'usage: npm run course -- [--all] [--json] [--site DIR] [NUMBER ...]';

function readArguments(words) {
  const options = { all: false, json: false, site: null, numbers: [] };
  const rest = [...words];
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === '--all' || word === '--json') options[word.slice(2)] = true;
    else if (word === '--site') {
      if (rest.length === 0 || rest[0].startsWith('--')) throw new Problem(`--site needs a folder.\n${USAGE}`, 2);
      options.site = path.resolve(process.env.INIT_CWD ?? '.', rest.shift());
    } else if (/^\d\d$/.test(word)) options.numbers.push(word);
    else throw new Problem(`Unknown argument '${word}'.\n${USAGE}`, 2);
  }
  const { site } = options;
  if (site !== null && existsSync(site) && readdirSync(site).length > 0 && !existsSync(path.join(site, MARK)))
    throw new Problem(`--site: ${site} holds something else than a site of this course; it is left alone.`, 2);
  return options;
}

/** Runs a Python program of the course; `line` is told every line that it prints. Resolves to its exit code. */
function python(paths, script, words, line) {
  const file = path.join(paths.root, 'scripts', 'course', script);
  const env = { ...jupyterEnvironment(paths), FLASH_HISTORY: 'off' };
  const child = spawn(paths.venvPython, [file, ...words], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', line);
  return exitCode(child);
}

/** One line of the table. */
function row({ notebook, cells, seconds, exercises, ok, error }, mistakes) {
  if (!ok) return `${notebook.padEnd(34)} FAILED\n${error}`;
  const known = exercises.reduce((sum, name) => sum + mistakes(name), 0);
  const numbers = [cells, seconds.toFixed(1), exercises.length, known].map((n) => String(n).padStart(10));
  return `${notebook.padEnd(34)}${numbers.join('')}`;
}

runProgram(async () => {
  const options = readArguments(process.argv.slice(2));
  const say = options.json ? () => undefined : (text) => console.log(text);
  const paths = await setUp(options.json ? { say: () => undefined } : {});
  const require = createRequire(import.meta.url);
  const { definitions } = require(path.join(paths.root, 'kernel-lib', 'dist', 'cjs', 'course', 'exercises'));
  const out = path.join(paths.cache, 'course');
  rmSync(out, { recursive: true, force: true });
  say(`${'notebook'.padEnd(34)}${['cells', 'seconds', 'exercises', 'mistakes'].map((w) => w.padStart(10)).join('')}`);
  const all = [];
  const words = ['--out', out, ...(options.all ? ['--all'] : []), ...options.numbers];
  let code = await python(paths, 'run.py', words, (line) => {
    all.push(JSON.parse(line));
    if (options.json) console.log(line);
    else say(row(all.at(-1), (name) => definitions[name].mistakes.length));
  });
  const missing = options.numbers.filter(
    (number) => !all.some(({ notebook }) => path.basename(notebook).startsWith(number)),
  );
  if (code !== 0 && all.length === 0) throw new Problem('No lesson ran; what went wrong stands above.');
  if (missing.length > 0) throw new Problem(`There is no lesson ${missing.join(', ')}.`, 2);
  const seconds = all.reduce((sum, each) => sum + (each.seconds ?? 0), 0);
  say(`${all.filter(({ ok }) => ok).length} of ${all.length} notebooks ran whole, in ${seconds.toFixed(0)} s.`);
  if (code === 0 && options.site !== null)
    code = await python(paths, 'site.py', [out, options.site, paths.modules], say);
  return code;
});

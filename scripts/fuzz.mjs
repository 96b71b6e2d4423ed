// npm run fuzz -- [--minutes N] [--seed S] [--adapter A] [--algorithms LIST] [--longest N]
//
// Random calls of attention over all options at once, forward and backward, against the float64 reference, until the time is
// over or one is wrong: then it prints the seed, makes the case smaller while it still fails, tells how to run it again, and
// exits with 1. One seed is one case; it counts up from --seed. Sequences have up to 200 rows, or --longest; the longer, the fewer cases a minute.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Problem, runProgram } from './setup/problem.mjs';

const require = createRequire(import.meta.url);
const built = (module) => fileURLToPath(new URL(`../kernel-lib/dist/cjs/${module}.js`, import.meta.url));

/** The options as numbers and lists; what cannot be read is refused. */
function readOptions() {
  const numbers = { minutes: 1, seed: Math.floor(Math.random() * 2 ** 32), longest: 200 };
  let values;
  try {
    const text = { type: 'string' };
    const options = { minutes: text, seed: text, adapter: text, algorithms: text, longest: text };
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new Problem(`fuzz: ${error.message}`, 2);
  }
  for (const name of Object.keys(numbers)) if (values[name] !== undefined) numbers[name] = Number(values[name]);
  if (!(numbers.minutes >= 0)) throw new Problem(`fuzz: --minutes: expected a number, got ${values.minutes}`, 2);
  if (!(Number.isInteger(numbers.seed) && numbers.seed >= 0 && numbers.seed < 2 ** 32)) {
    throw new Problem(`fuzz: --seed: expected a whole number from 0 to 2^32-1, got ${values.seed}`, 2);
  }
  if (!(Number.isInteger(numbers.longest) && numbers.longest > 0)) {
    throw new Problem(`fuzz: --longest: expected a whole number from 1, got ${values.longest}`, 2);
  }
  const known = ['flash2', 'flash1', 'naive'];
  const algorithms = values.algorithms?.split(',') ?? known;
  const odd = algorithms.find((algorithm) => !known.includes(algorithm));
  if (odd !== undefined) throw new Problem(`fuzz: --algorithms: expected some of ${known.join()}, got ${odd}`, 2);
  return { ...numbers, algorithms, adapter: values.adapter };
}

function describe({ cases, rows, worst }) {
  const nearest = worst
    ? `worst error/allowed ${(worst.error / worst.allowed).toFixed(3)} (${worst.output} of ${worst.case}, ${worst.algorithm})`
    : 'nothing compared';
  return `${cases} cases, ${rows} outputs compared; ${nearest}`;
}

runProgram(async () => {
  const { minutes, seed: first, algorithms, adapter, longest } = readOptions();
  if (adapter !== undefined) process.env.FLASH_ADAPTER = adapter;
  if (!existsSync(built('check/fuzz'))) throw new Problem('fuzz: the library is not built: npm run build:kernel');
  const { device } = require(built('node/index'));
  const { fuzzCase, newTally, shrinkFailure } = require(built('check/fuzz'));
  const limits = require(built('check/random-case')).randomCaseLimits(longest);
  const { name } = await device();
  console.log(`fuzz: ${name}, ${algorithms.join(', ')}, from seed ${first}, for ${minutes} minutes`);

  const tally = newTally();
  const end = Date.now() + minutes * 60_000;
  let told = Date.now();
  let failures = [];
  let seed = first;
  do {
    failures = await fuzzCase(seed, algorithms, tally, limits);
    seed = (seed + 1) % 2 ** 32;
    if (Date.now() - told > 15_000) {
      told = Date.now();
      console.log(describe(tally));
    }
  } while (failures.length === 0 && Date.now() < end);

  console.log(describe(tally));
  for (const failure of failures) {
    console.log(`\nFAILED: seed ${failure.seed}, ${failure.algorithm}, ${failure.case}\n  ${failure.reason}`);
    const shrunk = await shrinkFailure(failure, limits);
    console.log(`smaller: ${shrunk.case}\n  ${shrunk.reason}`);
    const prefix = adapter === undefined ? '' : `FLASH_ADAPTER=${adapter} `;
    console.log(`again: ${prefix}npx flashlab check '${shrunk.case}'`);
    const same = [
      `--seed ${failure.seed}`,
      `--longest ${longest}`,
      ...(adapter === undefined ? [] : [`--adapter ${adapter}`]),
    ];
    console.log(`   or: npm run fuzz -- --minutes 0 ${same.join(' ')}`);
  }
  // The GPU keeps the process alive otherwise.
  process.exit(failures.length > 0 ? 1 : 0);
});

import type { Algorithm } from '../src/api/options';
import { fuzzCase, newTally, type FuzzFailure } from '../src/check/fuzz';
import type { RandomCaseLimits } from '../src/check/random-case';
import { onEachAdapter } from './support/devices';
import { withSpoiltBuffers } from './support/spoilt-buffers';

// Every option at once, by chance. On a software adapter nearly all of the time goes into compiling, so the cases share few
// kernels; `npm run fuzz` draws from all of them.
const limits: RandomCaseLimits = {
  kernels: [
    { D: 16, Dv: 16, dtype: 'f32', tiles: null },
    { D: 16, Dv: 16, dtype: 'f16', tiles: null },
    { D: 7, Dv: 12, dtype: 'f32', tiles: null },
    { D: 16, Dv: 16, dtype: 'f32', tiles: { br: 5, bc: 7 } },
  ],
  longest: 100,
  products: 1e6,
};
const algorithms: readonly Algorithm[] = ['flash2', 'flash1', 'naive'];
// The first of them compile.
const timeout = 300_000;
const batches = Array.from({ length: 10 }, (_, batch) => batch);

onEachAdapter('random calls against float64', () => {
  withSpoiltBuffers();

  const seeds = batches.map((batch) => [25 * batch, 25 * batch + 24]);
  test.each(seeds)(
    'seeds %d to %d',
    async (first, last) => {
      const tally = newTally();
      const failures: FuzzFailure[] = [];
      for (let seed = first; seed <= last; seed++) failures.push(...(await fuzzCase(seed, algorithms, tally, limits)));
      expect(failures).toEqual([]);
      expect(tally.cases).toBe(25);
      expect(tally.rows).toBeGreaterThanOrEqual(25 * 3 * 5);
    },
    timeout,
  );
});

import { setTimeout as wait } from 'node:timers/promises';
import { dozing, setPause } from '../src/device/doze';
import { pause } from '../src/node/pause';

describe('sleeping between two questions', () => {
  afterEach(() => setPause(null));

  /** Pauses of other sleepers than the thread: what each was told. */
  function told(): number[] {
    const naps: number[] = [];
    setPause(async (ms) => {
      await wait(2);
      naps.push(ms());
    });
    return naps;
  }

  test('grows with the time that was waited, up to half a millisecond, and ends with what was waited for', async () => {
    const naps = told();
    expect(await dozing(wait(40, 'there'), 40)).toBe('there');
    expect(naps.length).toBeGreaterThan(3);
    expect(naps.every((ms) => ms > 0 && ms <= 0.5)).toBe(true);
    expect(naps.at(-1)).toBe(0.5);
    const { length } = naps;
    await wait(20);
    // The one that was under way then was told not to sleep.
    expect(naps.slice(length)).toEqual(naps.slice(length).map(() => 0));
    expect(naps.length).toBeLessThanOrEqual(length + 1);
  });

  test.each([
    ['short', 0.1],
    ['unknown', 0],
    ['not known yet', Infinity],
  ])('comes late where the time is %s', async (_, expected) => {
    setPause(async (ms) => {
      expect(ms()).toBe(0);
      await wait(1);
    });
    await dozing(Promise.resolve(), expected);
    expect.assertions(1);
  });

  test('ends with an abort, and hands errors on', async () => {
    const naps = told();
    const stop = new AbortController();
    const call = dozing(wait(60), 60, stop.signal);
    await wait(20);
    stop.abort();
    await wait(5);
    const { length } = naps;
    await call;
    expect(naps.length).toBe(length);
    await expect(dozing(Promise.reject(new Error('no')), 1)).rejects.toThrow('no');
  });

  test('in Node the thread sleeps, and the event loop turns between', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    setPause(pause);
    const [before, start] = [process.cpuUsage(), performance.now()];
    await dozing(wait(200), 200);
    clearInterval(timer);
    const { user, system } = process.cpuUsage(before);
    // Asking all the time would take all of it.
    expect((user + system) / 1000).toBeLessThan(0.6 * (performance.now() - start));
    expect(turns).toBeGreaterThan(20);
  });

  test('where a thread may not sleep, one only waits', async () => {
    expect(await dozing(wait(5, 'there'), 5)).toBe('there');
  });
});

import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { DeviceFacts } from '../src/device/device';
import { dozing, type Pause, setPause } from '../src/device/doze';
import { pause } from '../src/node/pause';

const [CPU, GPU] = (['software', 'hardware'] as const).map((kind) => ({ facts: { kind } as DeviceFacts }));

describe('sleeping between two questions', () => {
  let now = 0;
  beforeEach(() => {
    now = 1000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    setPause(null);
  });

  /** A pause that ends when the test says so: `after(ms)` lets time go by and gives how long the thread was told to sleep. */
  function byHand(): { pauses: number; after(ms: number): Promise<number> } {
    let end: (() => number) | undefined;
    const hand = {
      pauses: 0,
      async after(ms: number): Promise<number> {
        now += ms;
        const nap = end!();
        await turn();
        return nap;
      },
    };
    const sleep: Pause = (ms) =>
      new Promise((resolve) => {
        hand.pauses++;
        end = () => {
          const nap = ms();
          resolve();
          return nap;
        };
      });
    setPause(sleep);
    return hand;
  }

  /** A promise and what keeps it. */
  function later(): { promise: Promise<string>; come(): void } {
    let come = (): void => undefined;
    const promise = new Promise<string>((resolve) => (come = () => resolve('there')));
    return { promise, come: () => come() };
  }

  test('grows with the time that was waited, up to half a millisecond, and ends with what was waited for', async () => {
    const hand = byHand();
    const { promise, come } = later();
    const result = dozing(CPU, promise, 40);
    expect([await hand.after(0.8), await hand.after(0.8), await hand.after(30)]).toEqual([
      expect.closeTo(0.1),
      expect.closeTo(0.2),
      0.5,
    ]);
    expect(hand.pauses).toBe(4);
    come();
    expect(await result).toBe('there');
    expect(await hand.after(1)).toBe(0);
    expect(hand.pauses).toBe(4);
  });

  test.each([
    ['short', 0.1],
    ['unknown', 0],
    ['not known yet', Infinity],
  ])('comes late where the time is %s', async (_, expected) => {
    const hand = byHand();
    const { promise, come } = later();
    const result = dozing(CPU, promise, expected);
    expect(await hand.after(0.39)).toBe(0);
    expect(await hand.after(0.05)).toBeGreaterThan(0);
    come();
    await result;
    await hand.after(0);
  });

  test('is one for all who wait, by the one who waits shortest', async () => {
    const hand = byHand();
    const [first, second] = [later(), later()];
    const results = [dozing(CPU, first.promise, 40)];
    expect(await hand.after(80)).toBe(0.5);
    results.push(dozing(CPU, second.promise, 40));
    expect(await hand.after(0.8)).toBeCloseTo(0.1);
    second.come();
    await results[1];
    expect(await hand.after(0.8)).toBe(0.5);
    expect(hand.pauses).toBe(4);
    first.come();
    await results[0];
    await hand.after(0);
  });

  test('ends with an abort, and hands errors on', async () => {
    const hand = byHand();
    const stop = new AbortController();
    const { promise, come } = later();
    const call = dozing(CPU, promise, 60, stop.signal);
    expect(await hand.after(8)).toBe(0.5);
    stop.abort();
    expect(await hand.after(8)).toBe(0);
    expect(hand.pauses).toBe(2);
    come();
    expect(await call).toBe('there');
    expect(await dozing(CPU, Promise.resolve(1), 60, stop.signal)).toBe(1);
    expect(hand.pauses).toBe(2);
    await expect(dozing(CPU, Promise.reject(new Error('no')), 1)).rejects.toThrow('no');
    await hand.after(0);
  });

  test('in Node the thread sleeps, and the event loop turns between', async () => {
    jest.restoreAllMocks();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    setPause(pause);
    const [before, start] = [process.cpuUsage(), performance.now()];
    await dozing(CPU, wait(300), 300);
    clearInterval(timer);
    const { user, system } = process.cpuUsage(before);
    // Asking all the time would take all of it.
    expect((user + system) / 1000).toBeLessThan(0.6 * (performance.now() - start));
    expect(turns).toBeGreaterThan(20);
  });

  test('is not for GPUs', async () => {
    const hand = byHand();
    expect(await dozing(GPU, Promise.resolve('there'), 40)).toBe('there');
    expect(hand.pauses).toBe(0);
  });

  test('where a thread may not sleep, one only waits', async () => {
    expect(await dozing(CPU, Promise.resolve('there'), 5)).toBe('there');
  });
});

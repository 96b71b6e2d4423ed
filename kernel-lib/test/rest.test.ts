import { learnCost, restDuring } from '../src/device/rest';

const kernel = (): { label: string; code: string; access: [] } => ({ label: 'some kernel', code: '', access: [] });

describe('sleeping while a driver computes', () => {
  const sleeps: number[] = [];
  beforeEach(() => {
    sleeps.length = 0;
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((wake: () => void, ms: number) => {
      sleeps.push(ms);
      wake();
    }) as unknown as typeof setTimeout);
  });
  afterEach(() => jest.restoreAllMocks());

  test('no sleep before a kernel has run twice, for its first run compiles', async () => {
    const work = [{ kernel: kernel(), flops: 1e6 }];
    await restDuring(work);
    learnCost(work, 1000);
    await restDuring(work);
    expect(sleeps).toEqual([]);
    learnCost(work, 10);
    await restDuring(work);
    expect(sleeps).toEqual([expect.closeTo(8.5, 6)]);
  });

  test('less than the fastest of its runs, in proportion to the work; none if short or not known of all', async () => {
    const [one, other] = [kernel(), kernel()];
    for (const ms of [1, 20, 10, 30]) learnCost([{ kernel: one, flops: 1e6 }], ms);
    await restDuring([{ kernel: one, flops: 2e6 }]);
    expect(sleeps).toHaveLength(1);
    expect(sleeps[0]).toBeGreaterThan(15);
    expect(sleeps[0]).toBeLessThan(20);
    await restDuring([{ kernel: one, flops: 1e5 }]);
    await restDuring([
      { kernel: one, flops: 1e6 },
      { kernel: other, flops: 1 },
    ]);
    expect(sleeps).toHaveLength(1);
  });
});

import { expectedMs, learnCost, restTime } from '../src/device/rest';

const kernel = (): { label: string; code: string; access: [] } => ({ label: 'some kernel', code: '', access: [] });

describe('sleeping while a driver computes', () => {
  test('no sleep before a kernel has run twice, for its first run compiles', () => {
    const work = [{ kernel: kernel(), flops: 1e6 }];
    expect(restTime(expectedMs(work))).toBe(0);
    learnCost(work, 1000);
    expect(restTime(expectedMs(work))).toBe(0);
    learnCost(work, 10);
    expect(expectedMs(work)).toBeCloseTo(10, 6);
    expect(restTime(expectedMs(work))).toBeCloseTo(8.5, 6);
  });

  test('less than the fastest of its runs, in proportion to the work; none if short or not known of all', () => {
    const [one, other] = [kernel(), kernel()];
    for (const ms of [1, 20, 10, 30]) learnCost([{ kernel: one, flops: 1e6 }], ms);
    const twice = restTime(expectedMs([{ kernel: one, flops: 2e6 }]));
    expect(twice).toBeGreaterThan(15);
    expect(twice).toBeLessThan(20);
    expect(restTime(expectedMs([{ kernel: one, flops: 1e5 }]))).toBe(0);
    const both = [
      { kernel: one, flops: 1e6 },
      { kernel: other, flops: 1 },
    ];
    expect(restTime(expectedMs(both))).toBe(0);
  });
});

import type { Definition } from '../definition';
import { drawCases } from '../draw';

export type NumericalGradient = (f: (x: number[]) => number, x: number[], h: number) => number[];

/** f of the hidden inputs, sum(a x^3) + sum(x)^2: no quadratic, so the step matters, and every entry of x meets every other. */
const makeF =
  (a: readonly number[]) =>
  (x: readonly number[]): number =>
    x.reduce((sum, each, n) => sum + a[n] * each ** 3, 0) + x.reduce((sum, each) => sum + each, 0) ** 2;

/** x with x[n] moved by `step`. */
const moved = (x: readonly number[], n: number, step: number): number[] =>
  x.map((each, t) => (t === n ? each + step : each));

const central: NumericalGradient = (f, x, h) => x.map((_, n) => (f(moved(x, n, h)) - f(moved(x, n, -h))) / (2 * h));

const SIZES = [1, 2, 3, 4, 5, 8, 13, 20].flatMap((N, n) => [
  { N, h: 0.1, scale: 1 },
  { N, h: 0.01, scale: [1, 0.1, 3][n % 3] },
  { N, h: [0.003, 0.5][n % 2], scale: [3, 1][n % 2] },
]);

export const finiteDifference: Definition<NumericalGradient, [a: number[], x: number[], h: number], number[]> = {
  spec: 'numericalGradient(f, x, h): the gradient of f at x by central differences, one entry of x moved by h and by -h at a time.',
  hints: [
    'For each n: f where x[n] is larger by h, minus f where x[n] is smaller by h. All other entries are as they were.',
    'The two points lie 2 h apart: divide the difference by 2 h.',
    'const moved = (n, step) => x.map((each, t) => (t === n ? each + step : each)); then (f(moved(n, h)) - f(moved(n, -h))) / (2 * h) for every n.',
  ],
  cases: drawCases(
    502,
    SIZES,
    ({ N, h }) => `N = ${N}, h = ${h}`,
    ({ N, h, scale }, draw) => [draw.list(N), draw.list(N, scale), h],
  ),
  expected: (a, x, h) => central(makeF(a), x, h),
  run: (answer, a, x, h) => answer(makeF(a), x, h),
  untouched: () => false,
  tolerance: {},
  mistakes: [
    {
      answer: (f, x, h) => x.map((_, n) => (f(moved(x, n, h)) - f(x)) / h),
      hint: 'This difference has one side, f(x + h) - f(x): its error shrinks like h. With f(x + h) - f(x - h) over 2 h it shrinks like the square of h.',
    },
    {
      answer: (f, x, h) => x.map((_, n) => (f(moved(x, n, h)) - f(moved(x, n, -h))) / h),
      hint: 'The two points lie 2 h apart, but the difference is divided by h: every entry is twice as large as it should be.',
    },
    {
      answer: (f, x, h) =>
        x.map((_, n) => {
          x[n] += h;
          const above = f(x);
          x[n] -= 2 * h;
          return (above - f(x)) / (2 * h);
        }),
      hint: 'x[n] is changed and not put back, so the entries that come later are differentiated at another point.',
    },
    {
      answer: (f, x, h) => {
        const along = (f(x.map((each) => each + h)) - f(x.map((each) => each - h))) / (2 * h);
        return x.map(() => along);
      },
      hint: 'All entries of x are moved at once: that gives the sum of all derivatives. Move one at a time.',
    },
  ],
};

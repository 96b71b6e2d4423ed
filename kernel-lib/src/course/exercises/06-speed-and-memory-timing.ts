import { functionExercise } from '../definition';
import { drawCases } from '../draw';

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

export interface Timing {
  median: number;
  spread: number;
}

/** The counted times in ascending order. */
const counted = (times: readonly number[], warmups: number): number[] => times.slice(warmups).sort((a, b) => a - b);

/** Median and spread of sorted times; `middle` says what the median is. */
function timingOf(
  sorted: readonly number[],
  middle: (sorted: readonly number[]) => number = (t) => (t[(t.length - 1) >> 1] + t[t.length >> 1]) / 2,
): Timing {
  const median = middle(sorted);
  return { median, spread: (Math.max(...sorted) - Math.min(...sorted)) / median };
}

/** Runs that count, calls before them, the usual milliseconds, and what the calls before take, as a multiple of that. */
const TIMINGS = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((runs, n) => ({ runs, warmups: 1 + (n % 3), ms: 9, cold: 40 })),
  ...[3, 4, 5, 8, 15, 20].map((runs, n) => ({ runs, warmups: n % 3, ms: 95, cold: 6 })),
  ...[1, 2, 5, 6].map((runs) => ({ runs, warmups: 2, ms: 0.2, cold: 0.5 })),
  ...[7, 12, 31].map((runs) => ({ runs, warmups: 0, ms: 1000, cold: 1 })),
];

const honestTiming = functionExercise<[times: number[], warmups: number], Timing>({
  spec: 'medianAndSpread(times, warmups): { median, spread } of the times behind the first warmups ones; spread is (slowest - fastest) / median.',
  hints: [
    'Three steps: leave out what does not count, put the rest in order, take the middle.',
    'sort() without a function compares numbers as text: 10 comes before 9. Give it (a, b) => a - b.',
    'With t = times.slice(warmups) in order and n = t.length: the median is t[(n - 1) / 2] for an odd n, and the mean of t[n / 2 - 1] and t[n / 2] for an even one.',
  ],
  cases: drawCases(
    601,
    TIMINGS,
    ({ runs, warmups }) => `n = ${warmups + runs}, warmups = ${warmups}`,
    ({ runs, warmups, ms, cold }, draw) => {
      const times = Array.from({ length: runs }, () => ms * (1 + draw.fraction() / 4 + (draw.chance(0.1) ? 9 : 0)));
      const first = Array.from({ length: warmups }, () => ms * cold * (1 + draw.fraction()));
      return [[...first, ...times], warmups];
    },
  ),
  expected: (times, warmups) => timingOf(counted(times, warmups)),
  mistakes: [
    {
      answer: (times, warmups) => timingOf(counted(times, warmups), mean),
      hint: 'That is the mean: a single run that the system interrupted moves it as far as it likes. The median is the middle one.',
    },
    {
      answer: (times) => timingOf(counted(times, 0)),
      hint: 'The warm-up runs are counted: the first warmups times belong to compiling and uploading, and are to be left out.',
    },
    {
      answer: (times, warmups) => timingOf(counted(times, 0).slice(warmups)),
      hint: 'The times are put in order before the warm-up runs are dropped, so that the fastest ones are dropped. Slice first, then sort.',
    },
    {
      answer: (times, warmups) => timingOf(times.slice(warmups).sort()),
      hint: 'sort() without a comparison sorts as text, where 10.5 comes before 9.2. Write sort((a, b) => a - b).',
    },
    {
      answer: (times, warmups) => timingOf(times.slice(warmups)),
      hint: 'The times are not in order: what stands in the middle of the list is then just any of them.',
    },
    {
      answer: (times, warmups) => timingOf(counted(times, warmups), (t) => t[t.length >> 1]),
      hint: 'Right for an odd count. For an even one there are two middle times, and the upper one is taken: take the mean of both.',
    },
    {
      answer: (times, warmups) => timingOf(counted(times, warmups), (t) => t[(t.length - 1) >> 1]),
      hint: 'Right for an odd count. For an even one there are two middle times, and the lower one is taken: take the mean of both.',
    },
    {
      answer: (times, warmups) => {
        const { median, spread } = timingOf(counted(times, warmups));
        return { median, spread: spread * median };
      },
      hint: 'The spread is in milliseconds. Divided by the median it is a part of the time, which compares between lengths.',
    },
  ],
});

/** The slope of the straight line through (x, y) with the least sum of squared distances in y. */
function slope(x: readonly number[], y: readonly number[], [mx, my] = [mean(x), mean(y)]): number {
  const products = x.map((each, n) => (each - mx) * (y[n] - my));
  return mean(products) / mean(x.map((each) => (each - mx) ** 2));
}

const log = (x: readonly number[]): number[] => x.map(Math.log);

/** Lengths, the true exponent, and what of the time does not grow, as a multiple of the time at the first length. */
const POWERS = [
  ...[2, 1, 1.5, 3, 0.5].map((a) => ({ ns: [64, 128, 256, 512, 1024], a, fixed: 0 })),
  ...[2, 1, 2.2].map((a) => ({ ns: [100, 200, 300, 700, 3000], a, fixed: 0 })),
  ...[2, 2, 1].map((a, n) => ({ ns: [16, 32, 64, 128, 256, 512, 4096], a, fixed: 3 * n })),
  ...[2, 1].map((a) => ({ ns: [1, 2, 3, 5, 8, 13, 21], a, fixed: 1 })),
  ...[2, 1.7].map((a) => ({ ns: [1024, 16], a, fixed: 0 })),
  ...[2, 2, 2].map((a) => ({ ns: [512, 640, 768, 1000], a, fixed: 0 })),
  ...[0, 2].map((a) => ({ ns: [7, 77, 777], a, fixed: 0.5 })),
];

const fitExponent = functionExercise<[ns: number[], ms: number[]], number>({
  spec: 'fitExponent(ns, ms): the exponent a of the law ms = c * ns^a that fits best, by least squares of log ms over log ns.',
  hints: [
    'Taking logarithms of the law makes it a straight line: log ms = log c + a log N. What is a on it?',
    'With x = log ns and y = log ms, and their means mx and my, the slope of the best straight line has a sum of products above and a sum of squares below.',
    'a = sum of (x - mx) (y - my) / sum of (x - mx)^2. Both means are to be subtracted.',
  ],
  cases: drawCases(
    602,
    POWERS,
    ({ ns, a }) => `N = ${ns.join(', ')}, a = ${a}`,
    ({ ns, a, fixed }, draw) => [ns, ns.map((N) => ((N / ns[0]) ** a + fixed) * Math.exp(0.2 * draw.list(1)[0]))],
  ),
  expected: (ns, ms) => slope(log(ns), log(ms)),
  mistakes: [
    {
      answer: (ns, ms) => slope(ns, ms),
      hint: 'That is the slope of ms over N themselves, in milliseconds a token. An exponent is a slope over logarithms, of both.',
    },
    {
      answer: (ns, ms) => slope(ns, log(ms)),
      hint: 'Only the times are logarithms. A power law is a straight line where both axes are logarithmic.',
    },
    {
      answer: (ns, ms) => slope(log(ms), log(ns)),
      hint: 'The axes are swapped: that is the slope of log N over log ms. Divide by the sum of squares of log N.',
    },
    {
      answer: (ns, ms) => slope(log(ns), log(ms), [0, 0]),
      hint: 'The means are not subtracted, so the line is forced through the origin, as if one token took one millisecond.',
    },
    {
      answer: (ns, ms) => Math.log(ms[ms.length - 1] / ms[0]) / Math.log(ns[ns.length - 1] / ns[0]),
      hint: 'That is the slope between the first and the last point; the points between them do not count, and all the noise of those two does.',
    },
  ],
});

/** Where `difference` (positive: b is faster) has its last change of sign to b's favour, the index before it; -1 for always. */
const lastChange = (difference: readonly number[]): number => {
  for (let n = difference.length - 1; n >= 0; n--) if (!(difference[n] > 0)) return n;
  return -1;
};

const firstChange = (difference: readonly number[]): number => {
  const n = difference.findIndex((each) => each > 0);
  return n < 0 ? difference.length - 1 : n - 1;
};

interface Crossing {
  /** How much b is faster at a length. */
  readonly by: (a: number, b: number) => number;
  readonly change: (difference: readonly number[]) => number;
  /** Between N of which the first has `d[0]` <= 0 and the second `d[1]` > 0. */
  readonly between: (N: readonly [number, number], d: readonly [number, number]) => number;
  readonly never: number;
}

const geometric: Crossing['between'] = ([from, to], [d0, d1]) => from * (to / from) ** (d0 / (d0 - d1));
const arithmetic: Crossing['between'] = ([from, to], [d0, d1]) => from + ((to - from) * d0) / (d0 - d1);

const RIGHT: Crossing = { by: (a, b) => Math.log(a / b), change: lastChange, between: geometric, never: Infinity };

const crossing =
  (wrong: Partial<Crossing> = {}) =>
  (ns: readonly number[], a: readonly number[], b: readonly number[]): number => {
    const { by, change, between, never } = { ...RIGHT, ...wrong };
    const d = ns.map((_, n) => by(a[n], b[n]));
    const at = change(d);
    if (at < 0) return ns[0];
    return at === ns.length - 1 ? never : between([ns[at], ns[at + 1]], [d[at], d[at + 1]]);
  };

const LENGTHS = [16, 32, 64, 128, 256, 512, 1024];
const UNEVEN = [10, 50, 60, 300, 1000, 5000];

/** b begins `fixed` behind or before a and grows with the exponent 2 - `less`; `noise` makes the lines cross more than once. */
const RACES = [
  ...[0.1, 0.2, 0.3, 0.5, 0.8].map((less) => ({ ns: LENGTHS, fixed: 2, less, noise: 0 })),
  ...[0.2, 0.4, 0.6, 0.9].map((less) => ({ ns: UNEVEN, fixed: 3, less, noise: 0.1 })),
  ...[0.05, 0.1, 0.2, 0.1, 0.3, 0.2].map((less) => ({ ns: LENGTHS, fixed: 1.2, less, noise: 0.4 })),
  ...[0, -0.2].map((less) => ({ ns: LENGTHS, fixed: 3, less, noise: 0.05 })),
  ...[0, 0.3].map((less) => ({ ns: LENGTHS, fixed: 0.5, less, noise: 0.05 })),
  { ns: [128, 256], fixed: 1.1, less: 0.5, noise: 0 },
  { ns: [512], fixed: 2, less: 0, noise: 0 },
  { ns: [512], fixed: 0.5, less: 0, noise: 0 },
];

const crossover = functionExercise<[ns: number[], a: number[], b: number[]], number>({
  spec: 'crossover(ns, a, b): the N from which on line b stays faster (lower) than line a, on straight lines between the points in log-log; ns[0] if it is faster at all points, Infinity if not at the last.',
  hints: [
    'Look at d = log(a / b) at each N: it is positive where b is faster. Go from the last N backwards: where is d not positive for the first time?',
    'On log-log axes both lines are straight between two neighbours, so d is a straight line over log N, and you look for its zero.',
    'With d0 <= 0 at N0 and d1 > 0 at N1, the zero is at the part t = d0 / (d0 - d1) of the way: log N = log N0 + t (log N1 - log N0).',
  ],
  cases: drawCases(
    603,
    RACES,
    ({ ns }) => `N = ${ns.join(', ')}`,
    ({ ns, fixed, less, noise }, draw) => {
      const around = (ms: number): number => ms * Math.exp(noise * draw.list(1)[0]);
      return [ns, ns.map((N) => around((N / ns[0]) ** 2)), ns.map((N) => around(fixed * (N / ns[0]) ** (2 - less)))];
    },
  ),
  expected: crossing(),
  mistakes: [
    {
      answer: crossing({ between: ([, to]) => to }),
      hint: 'That is the first measured N at which b is faster. The lines cross before it, between two of the measured N.',
    },
    {
      answer: crossing({ between: ([from, to]) => Math.sqrt(from * to) }),
      hint: 'That is the middle of the two neighbours, wherever between them the lines cross. How far apart the lines are at either end tells where.',
    },
    {
      answer: crossing({ by: (a, b) => a - b, between: arithmetic }),
      hint: 'The interpolation is on linear axes. In log-log, log(a / b) is the straight line, and it runs over log N.',
    },
    {
      answer: crossing({ between: arithmetic }),
      hint: 'log(a / b) is right, but it is taken as a straight line over N. In log-log it is one over log N.',
    },
    {
      answer: crossing({ by: (a, b) => a - b }),
      hint: 'log N is right, but the difference of the times is not a straight line over it: take the logarithm of their ratio.',
    },
    {
      answer: crossing({ change: firstChange }),
      hint: 'That is the first crossing. Noise may make lines cross several times: b must stay faster up to the last N, so search from the end.',
    },
    {
      answer: (ns, a, b) => crossing()(ns, b, a),
      hint: 'The lines are swapped: that is where a becomes faster than b.',
    },
    {
      answer: crossing({ never: NaN }),
      hint: 'Where b is not faster at the last N, there is nothing to interpolate, and the answer is Infinity.',
    },
  ],
});

export const timing = {
  'honest-timing': honestTiming,
  'fit-exponent': fitExponent,
  crossover,
};

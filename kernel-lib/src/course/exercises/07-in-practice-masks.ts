import { functionExercise, type Definition } from '../definition';
import { drawCases } from '../draw';

/** Arguments of a band of the score matrix, by flash-attn's names. */
export interface Band {
  Nq: number;
  Nk: number;
  causal: boolean;
  window: [number, number];
}

type Allowed = (i: number, j: number, band: Band) => boolean;

/** Lengths, as many queries as keys, fewer, and more; among them one query, one key and queries that see nothing. */
const LENGTHS = [
  [1, 1],
  [5, 5],
  [1, 9],
  [4, 10],
  [9, 4],
  [7, 1],
  [6, 13],
  [12, 11],
];

const WINDOWS: [number, number][] = [
  [-1, -1],
  [2, 0],
  [0, 0],
  [-1, 1],
  [3, -1],
  [1, 2],
];

const BANDS: Band[] = LENGTHS.flatMap(([Nq, Nk], n) =>
  [0, 1, 2].flatMap((step) => {
    const window = WINDOWS[(n + 2 * step) % WINDOWS.length];
    const other = WINDOWS[(n + 2 * step + 1) % WINDOWS.length];
    return [
      { Nq, Nk, causal: true, window },
      { Nq, Nk, causal: false, window: other },
    ];
  }),
);

const bothSides = (d: number, [left, right]: [number, number], unbounded: number): boolean =>
  (left === unbounded || d >= -left) && (right === unbounded || d <= right);

/** Allowed by how far key j is beyond the diagonal of query i, for causal and for the window. */
const banded =
  (
    diagonals: (band: Band) => { causal: number; window: number },
    inWindow = (d: number, window: [number, number]) => bothSides(d, window, -1),
  ): Allowed =>
  (i, j, band) => {
    const { causal, window } = diagonals(band);
    return (!band.causal || j - i <= causal) && inWindow(j - i - window, band.window);
  };

const bottomRight = ({ Nq, Nk }: Band): { causal: number; window: number } => ({ causal: Nk - Nq, window: Nk - Nq });
const right = banded(bottomRight);

/** What an answer allows of every pair. */
const maskOf = (allowed: Allowed, band: Band): boolean[][] =>
  Array.from({ length: band.Nq }, (_, i) => Array.from({ length: band.Nk }, (_, j) => allowed(i, j, band)));

export const causalBand: Definition<Allowed, [band: Band], boolean[][]> = {
  spec: 'allowed(i, j, { Nq, Nk, causal, window }): whether query i may see key j, in the convention of flash-attn; window = [left, right].',
  hints: [
    'Find the key on the diagonal of query i first. The last query, Nq - 1, stands level with the last key, Nk - 1; the query before it with the key before that.',
    'The diagonal of query i is key d = i + Nk - Nq, which may lie outside of 0 .. Nk - 1. Causal forbids the keys after it; the window counts from it to both sides, the ends included.',
    'All must hold: causal is false or j <= d; left is -1 or j >= d - left; right is -1 or j <= d + right.',
  ],
  cases: drawCases(
    701,
    BANDS,
    ({ Nq, Nk, causal, window }) => `Nq = ${Nq}, Nk = ${Nk}, causal = ${causal}, window = [${window.join(', ')}]`,
    (band) => [band],
  ),
  expected: (band) => maskOf(right, band),
  run: maskOf,
  untouched: () => false,
  tolerance: 'exact',
  mistakes: [
    {
      answer: banded(() => ({ causal: 0, window: 0 })),
      hint: "This is PyTorch's convention: the diagonal begins at the top left. In flash-attn it ends at the bottom right, where the last query is level with the last key.",
    },
    {
      answer: banded((band) => ({ causal: bottomRight(band).causal, window: 0 })),
      hint: 'causal is right, but the window counts from key i. It counts from the diagonal, too, which is at i + Nk - Nq.',
    },
    {
      answer: banded(({ Nq, Nk }) => ({ causal: Nq - Nk, window: Nq - Nk })),
      hint: 'The shift has the wrong sign. With one query and many keys, the query must stand at the last key: i + Nk - Nq, not i + Nq - Nk.',
    },
    {
      answer: banded(bottomRight, (d, [left, right]) => (left < 0 || d > -left) && (right < 0 || d < right)),
      hint: 'The ends of the window are left out. Both are included: window = [0, 0] lets a query see the key on its diagonal.',
    },
    {
      answer: banded((band) => ({ causal: bottomRight(band).causal - 1, window: bottomRight(band).window })),
      hint: 'With causal the key on the diagonal is left out. It is the token of the query itself, which it sees: j <= i + Nk - Nq.',
    },
    {
      answer: banded(bottomRight, (d, window) => bothSides(d, window, NaN)),
      hint: '-1 is taken as a distance from the diagonal. It means that this side has no bound.',
    },
    {
      answer: (i, j, band) =>
        band.causal ? right(i, j, { ...band, window: [-1, -1] }) : right(i, j, { ...band, causal: false }),
      hint: 'With causal the window is forgotten. Both have to allow the pair.',
    },
  ],
};

/** The geometric sequence of the paper, for a power of two. */
const geometric = (H: number, first = 1): number[] =>
  Array.from({ length: H }, (_, h) => 2 ** ((-8 * (h + first)) / H));

const powerBelow = (H: number): number => 2 ** Math.floor(Math.log2(H));

/** Slopes of the power of two below H, and what fills up to H out of those of twice that power. */
const filled = (H: number, fill: (more: number[], count: number) => number[]): number[] => {
  const P = powerBelow(H);
  return [...geometric(P), ...fill(geometric(2 * P), H - P)];
};

const everyOther = (from: number) => (more: number[], count: number) =>
  more.filter((_, h) => h % 2 === from).slice(0, count);

export const alibiSlopes = functionExercise<[H: number], number[]>({
  spec: 'alibiSlopes(H): the slopes of ALiBi for H heads, a power of two or not.',
  hints: [
    'For a power of two: a list of H numbers that begins with 2^(-8/H), each one the one before times 2^(-8/H). The last is 2^-8.',
    'Else take P, the largest power of two below H, and begin with its P slopes; H - P are still missing.',
    'They come from the slopes of 2P heads: the first, the third, the fifth and so on, as many as are missing.',
  ],
  cases: drawCases(
    702,
    [1, 2, 4, 8, 16, 32, 64, 128, 3, 5, 6, 7, 9, 10, 12, 14, 15, 20, 24, 25, 36, 40, 56, 71, 96, 112],
    (H) => `H = ${H}`,
    (H) => [H],
  ),
  expected: (H) => filled(H, everyOther(0)),
  mistakes: [
    {
      answer: (H) => geometric(H),
      hint: 'Right for powers of two only. For other H the formula is not stretched; slopes of the next lower power of two are kept and filled up.',
    },
    {
      answer: (H) => filled(H, (more, count) => more.slice(0, count)),
      hint: 'The missing slopes are the first ones of 2P heads. It has to be every other one of them: the first, the third, the fifth.',
    },
    {
      answer: (H) => filled(H, everyOther(1)),
      hint: 'The missing slopes begin with the second one of 2P heads, and the second, fourth and so on are there already: they are the slopes of P heads. Begin with the first.',
    },
    {
      answer: (H) => geometric(2 ** Math.ceil(Math.log2(H))).slice(0, H),
      hint: 'These are slopes of the next higher power of two, cut off. Begin with all slopes of the next lower one.',
    },
    {
      answer: (H) => geometric(H, 0),
      hint: 'The sequence begins with 1 = 2^0. It begins with its own ratio, 2^(-8/H).',
    },
    {
      answer: (H) => Array.from({ length: H }, (_, h) => 2 ** -(h + 1)),
      hint: '1/2, 1/4, 1/8 and so on are the slopes of 8 heads. With more heads they lie closer, with fewer further apart: the ratio is 2^(-8/H).',
    },
    {
      answer: (H) => filled(H, everyOther(0)).map((slope) => -slope),
      hint: 'Slopes are positive; the minus stands in the bias, -slope * |distance|.',
    },
  ],
});

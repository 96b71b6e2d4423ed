import { functionExercise } from '../definition';
import { drawCases } from '../draw';

type Row = [q: number[], k: number[][], v: number[][]];

/** A row of attention with the scores made by `score` and the weights by `weigh`. */
function attend(
  [q, k, v]: Row,
  score: (dot: number, D: number) => number = (dot, D) => dot / Math.sqrt(D),
  weigh: (f: number[], l: number) => number[] = (f, l) => f.map((each) => each / l),
): number[] {
  const s = k.map((key) =>
    score(
      key.reduce((sum, each, c) => sum + each * q[c], 0),
      q.length,
    ),
  );
  const m = Math.max(...s);
  const f = s.map((each) => Math.exp(each - m));
  const p = weigh(
    f,
    f.reduce((a, b) => a + b, 0),
  );
  return v[0].map((_, c) => p.reduce((sum, each, j) => sum + each * v[j][c], 0));
}

const ROW_SIZES = [
  ...[1, 2, 3, 5, 8, 17, 33, 64, 100, 131].map((N, n) => ({ N, D: [2, 4, 16][n % 3], Dv: 3, scale: 1 })),
  ...[2, 4, 7, 31, 65].map((N) => ({ N, D: 8, Dv: 1, scale: 4 })),
  ...[3, 9, 20, 40, 77].map((N) => ({ N, D: 3, Dv: 8, scale: 40 })),
];

const attentionRow = functionExercise<Row, number[]>({
  spec: 'attentionRow(q, k, v): the output of attention for one query, softmax(q k / sqrt(D)) v.',
  hints: [
    'Three steps: a score for each key, softmax over the scores, the sum of the values times their weights.',
    'The score of key j is the sum of q[c] * k[j][c] over c, divided by sqrt(D), where D is the length of q.',
    'Subtract the largest score before exp: large scores overflow otherwise.',
  ],
  cases: drawCases(
    1,
    ROW_SIZES,
    ({ N, D, Dv, scale }) => `N = ${N}, D = ${D}, Dv = ${Dv}, q = ${scale} randn`,
    ({ N, D, Dv, scale }, draw): Row => [draw.list(D, scale), draw.matrix(N, D, scale), draw.matrix(N, Dv)],
  ),
  expected: (...row) => attend(row),
  tolerance: {
    maxAbsScore: (q, k) =>
      Math.max(...k.map((key) => Math.abs(key.reduce((sum, each, c) => sum + each * q[c], 0)) / Math.sqrt(q.length))),
  },
  mistakes: [
    {
      answer: (...row) => attend(row, (dot) => dot),
      hint: 'The scores are not divided by sqrt(D).',
    },
    {
      answer: (...row) => attend(row, (dot, D) => dot / D),
      hint: 'The scores are divided by D; it is its square root.',
    },
    {
      answer: (...row) => attend(row, undefined, (f) => f),
      hint: 'The weights are not divided by their sum: they must sum to 1.',
    },
    {
      answer: (q, k, v) => {
        const s = k.map((key) => key.reduce((sum, each, c) => sum + each * q[c], 0) / Math.sqrt(q.length));
        const f = s.map(Math.exp);
        const l = f.reduce((a, b) => a + b, 0);
        return v[0].map((_, c) => f.reduce((sum, each, j) => sum + each * v[j][c], 0) / l);
      },
      hint: 'Right for small scores; large ones overflow in exp and give NaN. Subtract the largest score first.',
    },
  ],
});

const PLACES: [i: number, Nq: number, Nk: number][] = [
  ...[1, 4, 7].flatMap((Nq) =>
    [1, 4, 9].flatMap((Nk) => [0, Nq - 1].map((i): [number, number, number] => [i, Nq, Nk])),
  ),
  ...([
    [2, 5, 5],
    [3, 9, 4],
    [100, 128, 128],
    [37, 64, 200],
    [10, 200, 64],
    [150, 200, 64],
    [199, 200, 64],
    [0, 1, 1000],
  ] as [number, number, number][]),
];

const visibleKeys = functionExercise<[i: number, Nq: number, Nk: number], number>({
  spec: 'visibleKeys(i, Nq, Nk): the number of keys that query i sees with causal attention, j <= i + Nk - Nq.',
  hints: [
    'Which is the last key that query i sees? And how many are there from 0 up to it?',
    'Keys 0, 1, …, i + Nk - Nq are i + Nk - Nq + 1 keys; that number must not be negative.',
  ],
  cases: [...new Set(PLACES.map(String))].map((text) => {
    const [i, Nq, Nk] = text.split(',').map(Number);
    return { label: `i = ${i}, Nq = ${Nq}, Nk = ${Nk}`, input: [i, Nq, Nk] };
  }),
  expected: (i, Nq, Nk) => Array.from({ length: Nk }, (_, j) => j).filter((j) => j <= i + Nk - Nq).length,
  tolerance: 'exact',
  mistakes: [
    {
      answer: (i, _Nq, Nk) => Math.min(i + 1, Nk),
      hint: 'That is aligned at the top left, as if query 0 always saw key 0 alone. Here the LAST query sees the last key: the diagonal is shifted by Nk - Nq.',
    },
    {
      answer: (i, Nq, Nk) => Math.max(0, i + Nk - Nq),
      hint: 'One too few: key j = i + Nk - Nq is seen as well, and keys count from 0.',
    },
    {
      answer: (i, Nq, Nk) => i + Nk - Nq + 1,
      hint: 'With more queries than keys the first queries see nothing: 0 keys, not a negative number.',
    },
  ],
});

const HEADS: [h: number, H: number, Hk: number][] = [
  ...([
    [1, 1],
    [4, 4],
    [4, 2],
    [8, 2],
    [12, 4],
    [32, 8],
    [32, 1],
    [6, 3],
  ].flatMap(([H, Hk]) => [...new Set([0, 1, H >> 1, H - 1])].filter((h) => h < H).map((h) => [h, H, Hk])) as [
    number,
    number,
    number,
  ][]),
];

const kvHead = functionExercise<[h: number, H: number, Hk: number], number>({
  spec: 'kvHead(h, H, Hk): the head of keys and values that query head h reads, when H heads share Hk of them in groups of neighbours.',
  hints: [
    'How many query heads share one head of keys and values?',
    'H / Hk neighbours share one: heads 0 to H / Hk - 1 read head 0, the next ones head 1.',
  ],
  cases: HEADS.map(([h, H, Hk]) => ({ label: `h = ${h}, H = ${H}, Hk = ${Hk}`, input: [h, H, Hk] })),
  expected: (h, H, Hk) => Math.floor((h * Hk) / H),
  tolerance: 'exact',
  mistakes: [
    {
      answer: (h, _H, Hk) => h % Hk,
      hint: 'h % Hk deals the heads out in turn; here neighbours share a head, as in the models.',
    },
    {
      answer: (h) => h,
      hint: 'That is right only where Hk = H; there are fewer heads of keys than of queries.',
    },
    {
      answer: (h, H, Hk) => Math.round((h * Hk) / H),
      hint: 'Round down: the second half of a group still belongs to it.',
    },
  ],
});

export const quickstart = { 'attention-row': attentionRow, 'visible-keys': visibleKeys, 'kv-head': kvHead };

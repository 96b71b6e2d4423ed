import { functionExercise } from '../definition';
import { drawCases } from '../draw';

export type Surprise = { loss: number; dlogits: number[] };

/** Numbers of logits V and how large they are; the target moves through them. */
const LOGITS = [
  ...[1, 2, 3, 10, 27, 100].map((V) => ({ V, scale: 1, shift: 0 })),
  ...[2, 5, 27].map((V) => ({ V, scale: 4, shift: 0 })),
  ...[1, 2, 27, 64].map((V) => ({ V, scale: 2, shift: 2000 })),
  ...[2, 9, 27, 64].map((V) => ({ V, scale: 2, shift: -2000 })),
  ...[3, 8, 27, 50].map((V) => ({ V, scale: 700, shift: 0 })),
  ...[4, 27].map((V) => ({ V, scale: 0, shift: 3 })),
];

const lseOf = (z: readonly number[], m: number): number =>
  m + Math.log(z.reduce((sum, each) => sum + Math.exp(each - m), 0));

/** Loss and gradient of one position; `change` turns the right ones into others. */
const surprise =
  (change: (right: Surprise, z: number[], target: number) => Surprise) =>
  (z: number[], target: number): Surprise => {
    const lse = lseOf(z, Math.max(...z));
    const dlogits = z.map((each, c) => Math.exp(each - lse) - (c === target ? 1 : 0));
    return change({ loss: lse - z[target], dlogits }, z, target);
  };

const crossEntropy = functionExercise<[logits: number[], target: number], Surprise>({
  spec: 'crossEntropy(logits, target): { loss, dlogits }, the loss -log softmax(logits)[target] and its gradient by the logits, finite for all finite logits.',
  hints: [
    'loss = lse - logits[target]; lse = m + log(the sum of exp(logits[c] - m)) with m the largest logit.',
    'The gradient of lse by logits[c] is p[c] = exp(logits[c] - lse). The other term of the loss has a gradient at one place only.',
    'dlogits[c] = exp(logits[c] - lse), and at c = target 1 less than that.',
  ],
  cases: drawCases(
    1001,
    LOGITS.map((size, n) => ({ ...size, target: (7 * n) % size.V })),
    ({ V, scale, shift, target }) => `V = ${V}, target = ${target}, z = ${shift} ± ${scale}`,
    ({ V, scale, shift, target }, draw) => [draw.list(V, scale).map((z) => z + shift), target],
  ),
  expected: surprise((right) => right),
  tolerance: { maxAbsScore: (logits) => Math.max(...logits.map(Math.abs)) },
  mistakes: [
    {
      answer: (z, target) => {
        const f = z.map(Math.exp);
        const l = f.reduce((a, b) => a + b, 0);
        return { loss: -Math.log(f[target] / l), dlogits: f.map((each, c) => each / l - (c === target ? 1 : 0)) };
      },
      hint: 'Nothing is subtracted before exp, so large logits overflow and very negative ones all become 0. Subtract the largest logit, as in notebook 1.',
    },
    {
      answer: surprise((right, z, target) => {
        const lse = lseOf(z, Math.max(...z));
        return { ...right, loss: -Math.log(Math.exp(z[target] - lse)) };
      }),
      hint: 'p of the target is 0 in floating point where its logit is far below the others, and -log 0 is Infinity. Take lse - logits[target], which never makes p.',
    },
    {
      answer: surprise(({ loss, dlogits }, _, target) => ({
        loss,
        dlogits: dlogits.map((each, c) => each + (c === target ? 1 : 0)),
      })),
      hint: 'dlogits is p: that is the gradient of lse alone. The loss has also -logits[target], which takes 1 away at the target.',
    },
    {
      answer: surprise(({ loss, dlogits }) => ({ loss, dlogits: dlogits.map((each) => -each) })),
      hint: 'The sign of dlogits is wrong: the loss falls when the logit of the target grows, so the gradient there is negative.',
    },
    {
      answer: surprise(({ loss, dlogits }) => ({ loss: -loss, dlogits })),
      hint: 'The sign of the loss is wrong: log p is negative, and the loss is -log p.',
    },
    {
      answer: surprise(({ loss, dlogits }) => ({ loss, dlogits: dlogits.map((each) => each / dlogits.length) })),
      hint: 'dlogits is divided by the number of logits. This is one position: nothing is averaged.',
    },
  ],
});

export interface Linear {
  x: number[][];
  w: number[][];
  dy: number[][];
}
export type LinearGradients = { dx: number[][]; dw: number[][]; db: number[] };

/** R rows, K numbers in, O numbers out. Squares are there since a transposed matrix has their shape, too. */
const LINEAR = [
  ...[1, 2, 3, 7, 16].map((R) => ({ R, K: 4, O: 4 })),
  ...[1, 2, 3, 7, 16].map((R) => ({ R, K: 3, O: 5 })),
  ...[1, 2, 5, 33].map((R) => ({ R, K: 8, O: 2 })),
  ...[1, 6].map((R) => ({ R, K: 1, O: 1 })),
  ...[1, 4].map((R) => ({ R, K: 1, O: 6 })),
  ...[1, 4].map((R) => ({ R, K: 6, O: 1 })),
  { R: 64, K: 5, O: 5 },
  { R: 12, K: 12, O: 12 },
];

const dot = (count: number, of: (n: number) => number): number => {
  let sum = 0;
  for (let n = 0; n < count; n++) sum += of(n);
  return sum;
};

/** dw, or any product that sums over the rows of two matrices: [o][c] = sum over r of a[r][o] b[r][c]. */
const overRows = (a: readonly number[][], b: readonly number[][], factor = 1): number[][] =>
  a[0].map((_, o) => b[0].map((__, c) => factor * dot(a.length, (r) => a[r][o] * b[r][c])));

const linear =
  (change: (right: LinearGradients, given: Linear) => Partial<LinearGradients> = () => ({})) =>
  ({ x, w, dy }: Linear): LinearGradients => {
    const right = {
      dx: dy.map((row) => w[0].map((_, c) => dot(w.length, (o) => row[o] * w[o][c]))),
      dw: overRows(dy, x),
      db: dy[0].map((_, o) => dot(dy.length, (r) => dy[r][o])),
    };
    return { ...right, ...change(right, { x, w, dy }) };
  };

const linearBackward = functionExercise<[given: Linear], LinearGradients>({
  spec: 'linearBackward({ x, w, dy }): { dx, dw, db }, the gradients of x (R,K), w (O,K) and b (O), where y = x wᵀ + b and dy (R,O) is the gradient of y.',
  hints: [
    'Each gradient has the shape of its variable. For one entry of it, sum over all entries of y that the variable reaches: dy there, times the factor.',
    'x[r][c] reaches y[r][o] for every o, with w[o][c]. w[o][c] reaches y[r][o] for every r, with x[r][c]. b[o] reaches y[r][o] for every r, with 1.',
    'dx = dy w; dw = dyᵀ x; db = the sum of dy over its rows.',
  ],
  cases: drawCases(
    1002,
    LINEAR,
    ({ R, K, O }) => `R = ${R}, K = ${K}, O = ${O}`,
    ({ R, K, O }, draw) => [{ x: draw.matrix(R, K), w: draw.matrix(O, K), dy: draw.matrix(R, O) }],
  ),
  expected: linear(),
  mistakes: [
    {
      answer: linear((_, { x, dy }) => ({ dw: overRows(x, dy) })),
      hint: 'dw is transposed: w is (O,K), so dw is, too: dw[o][c] sums dy[r][o] x[r][c] over r.',
    },
    {
      answer: linear((_, { w, dy }) => ({
        dx: dy.map((row) => w[0].map((__, c) => dot(w.length, (o) => row[o] * w[c][o]))),
      })),
      hint: 'dx multiplies by w the wrong way round: forward multiplies by wᵀ, so backward multiplies by w, dx[r][c] = the sum over o of dy[r][o] w[o][c].',
    },
    {
      answer: linear(({ db }, { x, dy }) => ({
        dw: overRows(dy, x, 1 / dy.length),
        db: db.map((each) => each / dy.length),
      })),
      hint: 'dw and db are means over the rows. Every row uses the same w and b, so what comes back from the rows is added; a mean is a matter of the loss.',
    },
    {
      answer: linear(({ db }, { dy }) => ({ db: db.map((each) => each / dy.length) })),
      hint: 'db is the mean over the rows, but b is added to every row, so its gradient is the sum.',
    },
    {
      answer: linear((_, { x, dy }) => ({ dw: overRows(dy.slice(-1), x.slice(-1)), db: [...dy[dy.length - 1]] })),
      hint: 'dw and db are those of the last row only: add the rows up (+=) instead of writing each over the one before.',
    },
  ],
});

export const trainingGradients = {
  'cross-entropy': crossEntropy,
  'linear-backward': linearBackward,
};

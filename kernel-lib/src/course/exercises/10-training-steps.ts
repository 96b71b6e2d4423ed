import { functionExercise, type Definition } from '../definition';
import { drawCases } from '../draw';

export interface AdamInput {
  w: number[];
  g: number[];
  m: number[];
  v: number[];
  t: number;
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
}
export type AdamState = Pick<AdamInput, 'w' | 'm' | 'v'>;

/** Steps t, sizes of the gradients, and eps: in some of them eps is all that keeps the step short. */
const ADAM = [
  ...[1, 2, 3, 10, 100, 5000].map((t) => ({ t, n: 5, scale: 1, beta2: 0.999, eps: 1e-8 })),
  ...[1, 2, 7, 40].map((t) => ({ t, n: 8, scale: 3, beta2: 0.99, eps: 1e-8 })),
  ...[1, 2, 5, 300].map((t) => ({ t, n: 4, scale: 1e-4, beta2: 0.99, eps: 1e-8 })),
  ...[1, 3, 20].map((t) => ({ t, n: 6, scale: 0.01, beta2: 0.95, eps: 1e-2 })),
  ...[1, 4].map((t) => ({ t, n: 3, scale: 0, beta2: 0.999, eps: 1e-8 })),
  ...[1, 2, 50].map((t) => ({ t, n: 1, scale: 100, beta2: 0.9, eps: 1e-3 })),
];

interface AdamRule {
  squared(g: number): number;
  /** What a mean with this beta is divided by in step t. */
  weight(beta: number, t: number): number;
  /** How far w goes against the gradient, for lr 1. */
  step(m: number, v: number, eps: number): number;
}

const adamWith =
  (change: Partial<AdamRule>, kept: 'm and v' | 'corrected' = 'm and v') =>
  ({ w, g, m, v, t, lr, beta1, beta2, eps }: AdamInput): AdamState => {
    const rule: AdamRule = {
      squared: (each) => each * each,
      weight: (beta, at) => 1 - beta ** at,
      step: (first, second, least) => first / (Math.sqrt(second) + least),
      ...change,
    };
    const next = {
      m: m.map((each, n) => beta1 * each + (1 - beta1) * g[n]),
      v: v.map((each, n) => beta2 * each + (1 - beta2) * rule.squared(g[n])),
    };
    const corrected = {
      m: next.m.map((each) => each / rule.weight(beta1, t)),
      v: next.v.map((each) => each / rule.weight(beta2, t)),
    };
    return {
      w: w.map((each, n) => each - lr * rule.step(corrected.m[n], corrected.v[n], eps)),
      ...(kept === 'corrected' ? corrected : next),
    };
  };

const adamStep = functionExercise<[given: AdamInput], AdamState>({
  spec: 'adamStep({ w, g, m, v, t, lr, beta1, beta2, eps }): { w, m, v } after step t = 1, 2, … of Adam with bias correction.',
  hints: [
    'First the new means: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g², entry by entry. These are what is returned as m and v.',
    'For the step alone, divide them: mHat = m / (1 - beta1 ** t), vHat = v / (1 - beta2 ** t).',
    'w = w - lr * mHat / (Math.sqrt(vHat) + eps).',
  ],
  cases: drawCases(
    1003,
    ADAM,
    ({ t, n, scale, beta2, eps }) => `t = ${t}, n = ${n}, |g| = ${scale}, beta2 = ${beta2}, eps = ${eps}`,
    ({ t, n, scale, beta2, eps }, draw) => [
      {
        ...{ w: draw.list(n), g: draw.list(n, scale) },
        // Nothing was seen before the first step.
        m: draw.list(n, t === 1 ? 0 : scale / 2),
        v: draw.list(n, t === 1 ? 0 : scale).map((each) => each * each),
        ...{ t, lr: 0.1, beta1: 0.9, beta2, eps },
      },
    ],
  ),
  expected: adamWith({}),
  mistakes: [
    {
      answer: adamWith({ weight: () => 1 }),
      hint: 'There is no bias correction: m and v begin at 0, so in step t they are divided by 1 - beta1 ** t and 1 - beta2 ** t.',
    },
    {
      answer: adamWith({ weight: (beta) => 1 - beta }),
      hint: 'The correction is that of the first step in every step: divide by 1 - beta ** t, which goes to 1.',
    },
    {
      answer: adamWith({ weight: (beta, t) => 1 - beta ** (t - 1) }),
      hint: 't is one too small in the correction. The first step has t = 1; with 0 there, 1 - beta ** 0 is 0, and the division gives NaN or Infinity.',
    },
    {
      answer: adamWith({ weight: (beta, t) => 1 - beta ** (t + 1) }),
      hint: 't is one too large in the correction: it is 1 in the first step already.',
    },
    {
      answer: adamWith({ step: (m, v, eps) => m / Math.sqrt(v + eps) }),
      hint: 'eps is inside of the root. There it is a square: for small gradients sqrt(v + eps) is much more than sqrt(v) + eps.',
    },
    {
      answer: adamWith({ squared: (g) => g }),
      hint: 'v is a mean of g, but it should be one of g squared; the root brings it back to the size of g.',
    },
    {
      answer: adamWith({ step: (m, v, eps) => m / (v + eps) }),
      hint: 'The root is missing: v has the size of g squared, so m is divided by sqrt(v) + eps.',
    },
    {
      answer: adamWith({ step: (m, v, eps) => -m / (Math.sqrt(v) + eps) }),
      hint: 'The step goes up the gradient: subtract it from w.',
    },
    {
      answer: adamWith({}, 'corrected'),
      hint: 'w is right, but the corrected m and v are kept. Keep the plain ones: the next step corrects them anew.',
    },
  ],
});

export type DecodeStep = (token: number, position: number) => Promise<number[]>;
export type Decoder = (step: DecodeStep, prompt: number[], count: number) => number[] | Promise<number[]>;
export interface Decoded {
  tokens: number[];
  /** How often step was called. */
  calls: number;
}
export type DecodeInput = [table: number[][], prompt: number[], count: number];

/** Tokens V, length of the prompt P, tokens to write, and where the logits lie. */
const DECODE = [
  ...[1, 2, 3, 5, 9].map((P) => ({ V: 5, P, count: 6, shift: 0 })),
  ...[1, 2, 4, 8].map((P) => ({ V: 12, P, count: 5, shift: -20 })),
  ...[1, 3, 7, 20].map((P) => ({ V: 27, P, count: 9, shift: 10 })),
  ...[1, 2, 6].map((P) => ({ V: 27, P, count: 1, shift: 0 })),
  ...[1, 4, 11].map((P) => ({ V: 8, P, count: 30, shift: -5 })),
  ...[2, 3].map((P) => ({ V: 2, P, count: 20, shift: 0 })),
];
/** Rows of the table of logits; a prime, so that every token and every position matters. */
const STATES = 53;

/** A model with a cache, made of numbers: what it gives depends on all that was fed so far, in order. */
function machine(table: readonly number[][]) {
  let [state, calls] = [0, 0];
  return {
    step(token: number, position: number): number[] {
      state = (31 * state + 7 * token + position + 1) % table.length;
      calls++;
      // Anything can be fed by mistake.
      return [...(table[state] ?? table[0])];
    },
    calls: () => calls,
  };
}

const largestAt = (logits: readonly number[]): number => logits.indexOf(Math.max(...logits));

async function decoded(answer: Decoder, [table, prompt, count]: DecodeInput): Promise<Decoded> {
  const { step, calls } = machine(table);
  const tokens = await answer((token, position) => Promise.resolve(step(token, position)), prompt, count);
  return { tokens, calls: calls() };
}

/** The right way, in parts that can be changed. */
const decoder =
  ({ first = 0, again = 0, restart = false, extra = 0, skipped = 0, best = largestAt } = {}): Decoder =>
  async (step, prompt, count) => {
    let logits: number[] = [];
    for (let i = first < 0 ? prompt.length - 1 : 0; i < prompt.length; i++) logits = await step(prompt[i], i);
    let position = prompt.length;
    for (let n = 0; n < again; n++) logits = await step(prompt[prompt.length - 1], position++);
    const tokens: number[] = [];
    if (restart) position = 0;
    for (let n = 0; n < count + skipped; n++) {
      tokens.push(best(logits));
      if (n + 1 < count + skipped + extra) logits = await step(tokens[n], position++);
    }
    return tokens.slice(skipped);
  };

const greedyDecode: Definition<Decoder, DecodeInput, Decoded> = {
  spec: 'greedyDecode(step, prompt, count): the count tokens that follow the prompt, each the one with the largest logit, with as few calls of step as can be.',
  hints: [
    'Feed the prompt first: step(prompt[0], 0), step(prompt[1], 1), and so on. What the last of these calls gives are the logits of the first new token.',
    'Then take the largest logit, keep its token, and feed it at the next position, which is prompt.length for the first new token.',
    'The last new token need not be fed: prompt.length + count - 1 calls are enough.',
  ],
  cases: drawCases(
    1004,
    DECODE,
    ({ V, P, count, shift }) => `V = ${V}, P = ${P}, count = ${count}, z = ${shift} ± 1`,
    ({ V, P, count, shift }, draw): DecodeInput => [
      draw.matrix(STATES, V).map((row) => row.map((each) => each + shift)),
      Array.from({ length: P }, () => draw.whole(0, V - 1)),
      count,
    ],
  ),
  expected: (table, prompt, count) => {
    const { step, calls } = machine(table);
    const tokens = [...prompt];
    for (let i = 0; i < prompt.length + count - 1; i++) {
      const next = largestAt(step(tokens[i], i));
      if (i >= prompt.length - 1) tokens.push(next);
    }
    return { tokens: tokens.slice(prompt.length), calls: calls() };
  },
  run: (answer, ...input) => decoded(answer, input),
  untouched: () => false,
  tolerance: 'exact',
  mistakes: [
    {
      answer: decoder({ first: -1 }),
      hint: 'Only the last token of the prompt is fed. The others have to go through step as well, one by one: else the model has never seen them.',
    },
    {
      answer: decoder({ again: 1 }),
      hint: 'The last token of the prompt is fed twice. Its first pass has already given the logits of the first new token.',
    },
    {
      answer: decoder({ skipped: 1 }),
      hint: 'The first new token is missing: it comes from the logits after the last token of the prompt, before anything new is fed.',
    },
    {
      answer: decoder({ restart: true }),
      hint: 'The positions begin at 0 again after the prompt. The first new token stands at position prompt.length.',
    },
    {
      answer: decoder({ extra: 1 }),
      hint: 'The tokens are right, but the last one is fed, too, and nobody looks at what comes out: one call of step too many.',
    },
    {
      answer: decoder({
        best: (logits) => logits.reduce(([at, most], z, c) => (z > most ? [c, z] : [at, most]), [0, 0])[0],
      }),
      hint: 'The search for the largest logit begins at 0, so it finds none where all are negative. Begin with the first logit, or -Infinity.',
    },
    {
      answer: async (step, prompt, count) => {
        const tokens = [...prompt];
        while (tokens.length < prompt.length + count) {
          let logits: number[] = [];
          for (const [i, token] of tokens.entries()) logits = await step(token, i);
          tokens.push(largestAt(logits));
        }
        return tokens.slice(prompt.length);
      },
      hint: 'Everything is fed again for each new token. step remembers what it was fed: feed the prompt once, and then each new token once.',
    },
    {
      answer: async (step, prompt, count) => [...prompt, ...(await decoder()(step, prompt, count))],
      hint: 'The prompt is part of the result. Only the new tokens are asked for.',
    },
  ],
};

export const trainingSteps = {
  'adam-step': adamStep,
  'greedy-decode': greedyDecode,
};

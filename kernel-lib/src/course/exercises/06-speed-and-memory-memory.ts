import { functionExercise } from '../definition';
import { drawCases } from '../draw';

export interface AttentionSizes {
  batch: number;
  heads: number;
  seq: number;
  dim: number;
  /** Of a number of q, k, v and out. */
  bytes: number;
}

/** Bytes of both kinds of attention. */
export interface AttentionBytes {
  standard: number;
  flash: number;
}

/** What a forward pass holds, and how much of it. */
interface Counted {
  /** How many tensors of the size of q. */
  readonly tensors: number;
  /** Bytes of a number of lse. */
  readonly lse: (sizes: AttentionSizes) => number;
  /** Bytes of a number of S. */
  readonly s: (sizes: AttentionSizes) => number;
}

const HONEST: Counted = { tensors: 4, lse: () => 4, s: () => 4 };

function bytesOf(sizes: AttentionSizes, wrong: Partial<Counted> = {}): AttentionBytes {
  const { tensors, lse, s } = { ...HONEST, ...wrong };
  const { batch, heads, seq, dim, bytes } = sizes;
  const flash = batch * heads * seq * (tensors * dim * bytes + lse(sizes));
  return { flash, standard: flash + batch * heads * seq * seq * s(sizes) };
}

/** Sizes of every kind: one token, lengths that are no multiple of anything, those of large models. */
const SIZES: readonly AttentionSizes[] = [
  ...[1, 2, 7, 64, 100, 333, 1024].map((seq) => ({ batch: 1, heads: 2, seq, dim: 64, bytes: 4 })),
  ...[1, 5, 128, 1000, 2048, 4096, 16384].map((seq) => ({ batch: 1, heads: 32, seq, dim: 128, bytes: 2 })),
  ...[3, 50, 512, 8192].map((seq, n) => ({ batch: 2 + n, heads: 1 + 3 * n, seq, dim: 32, bytes: 2 })),
  ...[17, 500, 4000].map((seq, n) => ({ batch: 8, heads: 12, seq, dim: [1, 80, 256][n], bytes: 4 })),
  { batch: 1, heads: 1, seq: 1, dim: 1, bytes: 4 },
];

const memoryFormula = functionExercise<[sizes: AttentionSizes], AttentionBytes>({
  spec: 'attentionBytes({ batch, heads, seq, dim, bytes }): { standard, flash }, the bytes of a forward pass: q, k, v and out of so many bytes a number, lse of 4, and for standard one score matrix a head of 4 bytes a number.',
  hints: [
    'Write down the shapes: q, k, v and out are (B,H,N,D), lse is (B,H,N), S is (B,H,N,N).',
    'flash holds four tensors like q, and lse. standard holds all that flash holds, and S.',
    'flash = B H N (4 D bytes + 4); standard = flash + 4 B H N N.',
  ],
  cases: drawCases(
    604,
    SIZES,
    ({ batch, heads, seq, dim, bytes }) => `B = ${batch}, H = ${heads}, N = ${seq}, D = ${dim}, b = ${bytes}`,
    (sizes) => [sizes],
  ),
  expected: (sizes) => bytesOf(sizes),
  tolerance: 'exact',
  mistakes: [
    {
      answer: (sizes) => ({
        flash: bytesOf(sizes, { tensors: 3, lse: () => 0 }).flash,
        standard: sizes.batch * sizes.heads * sizes.seq ** 2 * sizes.bytes,
      }),
      hint: 'Those are the usual formulas: q, k and v alone, and the score matrix alone. Count all that the pass holds, out and lse with it.',
    },
    {
      answer: (sizes) => bytesOf(sizes, { tensors: 3 }),
      hint: 'out is missing: it has to be somewhere while it is written, and is as large as q.',
    },
    {
      answer: (sizes) => bytesOf(sizes, { lse: () => 0 }),
      hint: 'lse is missing: one number of 4 bytes for each query of each head.',
    },
    {
      answer: (sizes) => bytesOf(sizes, { lse: ({ bytes }) => bytes }),
      hint: 'lse is counted with the bytes of q. It is float32, 4 bytes, whatever q is.',
    },
    {
      answer: (sizes) => bytesOf(sizes, { s: ({ bytes }) => bytes }),
      hint: 'The score matrix is counted with the bytes of q. This library keeps it in float32, 4 bytes, whatever q is.',
    },
    {
      answer: (sizes) => bytesOf(sizes, { s: ({ dim }) => 4 * dim }),
      hint: 'The score matrix is multiplied by D. A score is one number for each pair of a query and a key; D was summed over.',
    },
    {
      answer: (sizes) => bytesOf(sizes, { s: ({ heads }) => 4 / heads }),
      hint: 'There is one score matrix for each head, not one for all of them.',
    },
    {
      answer: (sizes) => bytesOf({ ...sizes, batch: 1 }),
      hint: 'batch is missing: everything is there once for each sequence of the batch.',
    },
    {
      answer: (sizes) => ({
        ...bytesOf(sizes),
        standard: 4 * sizes.batch * sizes.heads * sizes.seq ** 2,
      }),
      hint: 'standard counts its score matrix alone; it also holds q, k, v, out and lse, as flash does.',
    },
  ],
});

export interface Machine {
  memoryBytes: number;
  heads: number;
  dim: number;
  bytes: number;
  reserve: number;
}

/** The largest whole N with quadratic * N^2 + linear * N <= bytes. */
function largest(quadratic: number, linear: number, bytes: number, round = Math.floor): number {
  if (quadratic === 0) return round(bytes / linear);
  return round((Math.sqrt(linear ** 2 + 4 * quadratic * bytes) - linear) / (2 * quadratic));
}

interface Fit {
  readonly room: (machine: Machine) => number;
  readonly linear: (machine: Machine) => number;
  readonly round: (x: number) => number;
  /** Of the linear part in standard attention. */
  readonly beside: 0 | 1;
}

const FIT: Fit = {
  room: ({ memoryBytes, reserve }) => (1 - reserve) * memoryBytes,
  linear: ({ dim, bytes }) => 4 * dim * bytes + 4,
  round: Math.floor,
  beside: 1,
};

function fitting(machine: Machine, wrong: Partial<Fit> = {}): AttentionBytes {
  const { room, linear, round, beside } = { ...FIT, ...wrong };
  const { heads } = machine;
  return {
    flash: largest(0, heads * linear(machine), room(machine), round),
    standard: largest(4 * heads, beside * heads * linear(machine), room(machine), round),
  };
}

const GiB = 2 ** 30;

/** Bytes that are just enough for N of one kind. */
const just = (kind: keyof AttentionBytes, seq: number, heads: number, dim: number, bytes: number): number =>
  bytesOf({ batch: 1, heads, seq, dim, bytes })[kind];

const MACHINES: readonly Machine[] = [
  ...[4, 8, 12, 16, 24, 40, 80, 141].map((gib, n) => ({
    ...{ memoryBytes: gib * GiB, heads: [8, 32][n % 2], dim: 128, bytes: 2, reserve: 0.2 },
  })),
  ...[1, 6, 48].map((gib) => ({ memoryBytes: gib * GiB, heads: 12, dim: 64, bytes: 4, reserve: 0.35 })),
  ...[2, 10, 80].map((gib) => ({ memoryBytes: gib * GiB, heads: 40, dim: 80, bytes: 2, reserve: 0 })),
  ...[10_000, 1_000_000, 123_456_789].map((memoryBytes) => ({
    memoryBytes,
    heads: 3,
    dim: 24,
    bytes: 4,
    reserve: 0.1,
  })),
  { memoryBytes: 100, heads: 1, dim: 64, bytes: 4, reserve: 0 },
  ...([0, 1] as const).flatMap((less) => [
    { memoryBytes: just('flash', 4096, 16, 64, 2) - less, heads: 16, dim: 64, bytes: 2, reserve: 0 },
    { memoryBytes: just('standard', 256, 4, 64, 4) - less, heads: 4, dim: 64, bytes: 4, reserve: 0 },
  ]),
];

const longestSequence = functionExercise<[machine: Machine], AttentionBytes>({
  spec: 'longestSequence({ memoryBytes, heads, dim, bytes, reserve }): { standard, flash }, the largest whole N whose forward pass (batch 1) by the honest formula takes at most (1 - reserve) * memoryBytes.',
  hints: [
    'Begin with flash: its bytes are some number times N. How many bytes is one token? How many tokens fit?',
    'A token takes H (4 D bytes + 4) bytes in flash. Standard attention adds 4 H N^2: that is a quadratic inequality in N, with one positive root.',
    'With c = H (4 D bytes + 4) and M = (1 - reserve) memoryBytes: flash = floor(M / c), standard = floor((sqrt(c^2 + 16 H M) - c) / (8 H)).',
  ],
  cases: drawCases(
    605,
    MACHINES,
    ({ memoryBytes, heads, dim, bytes, reserve }) =>
      `M = ${memoryBytes}, H = ${heads}, D = ${dim}, b = ${bytes}, reserve = ${reserve}`,
    (machine) => [machine],
  ),
  expected: (machine) => fitting(machine),
  tolerance: 'exact',
  mistakes: [
    {
      answer: (machine) => ({
        flash: largest(0, 3 * machine.heads * machine.dim * machine.bytes, FIT.room(machine)),
        standard: largest(machine.heads * machine.bytes, 0, FIT.room(machine)),
      }),
      hint: 'Those are the usual formulas, q, k and v alone and the score matrix alone: they promise a longer sequence than fits. Count out and lse, and the scores with 4 bytes.',
    },
    {
      answer: (machine) => fitting(machine, { room: ({ memoryBytes }) => memoryBytes }),
      hint: 'The reserve is forgotten: only (1 - reserve) * memoryBytes may be filled.',
    },
    {
      answer: (machine) => fitting(machine, { room: ({ memoryBytes, reserve }) => reserve * memoryBytes }),
      hint: 'What is filled is the reserve. The reserve is what stays free: fill (1 - reserve) * memoryBytes.',
    },
    {
      answer: (machine) => fitting(machine, { round: Math.ceil }),
      hint: 'Rounded up: that N does not fit any more. Round down.',
    },
    {
      answer: (machine) => fitting(machine, { round: Math.round }),
      hint: 'Rounded to the nearest whole number, which half of the time is one that does not fit. Round down.',
    },
    {
      answer: (machine) => fitting(machine, { linear: ({ dim, bytes }) => 4 * dim * bytes }),
      hint: 'lse is forgotten, 4 bytes for each query of each head.',
    },
    {
      answer: (machine) => fitting(machine, { linear: ({ dim, bytes }) => 3 * dim * bytes + 4 }),
      hint: 'out is forgotten: four tensors have the size of q, not three.',
    },
    {
      answer: (machine) => fitting(machine, { beside: 0 }),
      hint: 'flash is right. standard counts its score matrix alone, but q, k, v, out and lse lie beside it: solve the quadratic equation with its linear term.',
    },
  ],
});

export const memory = {
  'memory-formula': memoryFormula,
  'longest-sequence': longestSequence,
};

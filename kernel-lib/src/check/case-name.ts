import { FlashError } from '../api/errors';
import { CASE_DEFAULTS, defaultScale, type CaseOperand, type CheckCase } from './case';

/** A case while its name is read. */
type Draft = { -readonly [K in keyof CheckCase]: CheckCase[K] };

/** A part of the name beyond the sizes: how it is written (nothing for the usual), what it looks like, what it says. */
interface Part {
  write(c: CheckCase): string | false;
  readonly read: RegExp;
  apply(c: Draft, found: string[]): void;
}

const NUMBER = String.raw`(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)`;
const AXES = '(?:(?:[b1]?[h1])?[q1])?[k1]';
const pattern = (text: string): RegExp => new RegExp(`^${text}$`);

const writeOperand = (name: string, given: CaseOperand | null, usual: string): string | false =>
  given !== null &&
  name + given.axes + (given.dtype === usual ? '' : `.${given.dtype}`) + (given.forbids ? '.forbids' : '');

const readOperand = (name: string): RegExp => pattern(String.raw`${name}(${AXES})(?:\.(f32|f16|bool|i8))?(\.forbids)?`);

function operandOf([axes, dtype, forbids]: string[], usual: CaseOperand['dtype']): CaseOperand {
  return { axes, dtype: (dtype as CaseOperand['dtype'] | undefined) ?? usual, forbids: forbids !== undefined };
}

// A bias usually has q's dtype, a mask is usually 'bool'.
const PARTS: readonly Part[] = [
  { write: (c) => c.causal && 'causal', read: /^causal$/, apply: (c) => (c.causal = true) },
  {
    write: ({ window }) => window !== null && `window${window.join()}`,
    read: /^window(-1|\d+),(-1|\d+)$/,
    apply: (c, [left, right]) => (c.window = [Number(left), Number(right)]),
  },
  {
    write: ({ softcap }) => softcap > 0 && `softcap${softcap}`,
    read: pattern(`softcap${NUMBER}`),
    apply: (c, [softcap]) => (c.softcap = Number(softcap)),
  },
  {
    write: ({ alibi }) => alibi !== null && `alibi.${alibi}`,
    read: /^alibi\.(head|batch)$/,
    apply: (c, [alibi]) => (c.alibi = alibi as 'head' | 'batch'),
  },
  { write: ({ dtype }) => dtype !== 'f32' && dtype, read: /^f16$/, apply: (c) => (c.dtype = 'f16') },
  {
    write: ({ bias, dtype }) => writeOperand('bias', bias, dtype),
    read: readOperand('bias'),
    apply: (c, found) => (c.bias = operandOf(found, c.dtype)),
  },
  {
    write: ({ mask }) => writeOperand('mask', mask, 'bool'),
    read: readOperand('mask'),
    apply: (c, found) => (c.mask = operandOf(found, 'bool')),
  },
  {
    write: ({ dropout }) => dropout > 0 && `dropout${dropout}`,
    read: pattern(`dropout${NUMBER}`),
    apply: (c, [dropout]) => (c.dropout = Number(dropout)),
  },
  { write: ({ layout }) => layout !== 'bhnd' && layout, read: /^bnhd$/, apply: (c) => (c.layout = 'bnhd') },
  {
    write: ({ packing }) => packing !== 'none' && packing,
    read: /^(qkv|kv)$/,
    apply: (c, [packing]) => (c.packing = packing as CheckCase['packing']),
  },
  {
    write: ({ scale, D }) => scale !== defaultScale(D) && `scale${scale}`,
    read: pattern(`scale${NUMBER}`),
    apply: (c, [scale]) => (c.scale = Number(scale)),
  },
  {
    write: ({ times }) => times !== 1 && `times${times}`,
    read: pattern(`times${NUMBER}`),
    apply: (c, [times]) => (c.times = Number(times)),
  },
  {
    write: ({ values }) => values !== 'normal' && values,
    read: /^(equal|shifted|subnormal)$/,
    apply: (c, [values]) => (c.values = values as CheckCase['values']),
  },
  {
    write: ({ tiles }) => tiles !== null && `tiles${tiles.br}x${tiles.bc}`,
    read: /^tiles(\d+)x(\d+)$/,
    apply: (c, [br, bc]) => (c.tiles = { br: Number(br), bc: Number(bc) }),
  },
];

const sizes = ['B', 'H', 'Hk', 'Nq', 'Nk', 'D', 'Dv'] as const;
const LIST = String.raw`(\d+(?:,\d+)*)`;
const head = pattern(
  `${sizes.map((size) => size + (size.startsWith('N') ? LIST : String.raw`(\d+)`)).join('_')}` +
    String.raw`(_varlen)?((?:_[^_]+)*)_seed(\d+)`,
);

/**
 * The name of a case: its parameters, so that a failed case can be pasted back, for example
 * `B1_H4_Hk2_Nq33_Nk65_D64_Dv64_causal_softcap30_f16_bias1h1k_scale-0.5_seed3`. The usual is left out. Packed sequences have
 * their lengths in the place of Nq and Nk: `B3_H4_Hk2_Nq5,0,9_Nk7,2,9_D64_Dv64_varlen_seed0`.
 */
export function caseName(c: CheckCase): string {
  const { lengths } = c;
  const written = { ...c, Nq: lengths?.q.join() ?? c.Nq, Nk: lengths?.k.join() ?? c.Nk };
  return [
    ...sizes.map((size) => size + written[size]),
    ...(lengths ? ['varlen'] : []),
    ...PARTS.map((part) => part.write(c)).filter((text) => text !== false),
    `seed${c.seed}`,
  ].join('_');
}

/** Whether `parseCase` takes this text. */
export function isCaseName(name: string): boolean {
  return read(name) !== null;
}

/** The case of a name made by `caseName`. Throws a FlashError (INVALID_ARGUMENT) where the name is not one. */
export function parseCase(name: string): CheckCase {
  const c = read(name);
  if (c) return c;
  throw new FlashError(
    'INVALID_ARGUMENT',
    `case: expected a name like B1_H2_Hk1_Nq33_Nk65_D64_Dv64_causal_seed0, got '${name}'`,
  );
}

function read(name: string): CheckCase | null {
  const found = head.exec(name);
  if (!found) return null;
  const [texts, [varlen, rest, seed]] = [found.slice(1, 8), found.slice(8)];
  const [B, H, Hk, , , D, Dv] = texts.map(Number);
  const [q, k] = [texts[3], texts[4]].map((list) => list.split(',').map(Number));
  if (varlen ? q.length !== B || k.length !== B : q.length > 1 || k.length > 1) return null;
  const draft: Draft = {
    ...CASE_DEFAULTS,
    ...{ B, H, Hk, Nq: Math.max(...q), Nk: Math.max(...k), D, Dv },
    ...{ lengths: varlen ? { q, k } : null, scale: defaultScale(D), seed: Number(seed) },
  };
  return readParts(rest.split('_').slice(1), draft) ? draft : null;
}

/** Reads parts, each at most once and in their order; tells whether all are good. */
function readParts(texts: readonly string[], draft: Draft): boolean {
  let next = 0;
  for (const text of texts) {
    const at = PARTS.findIndex((part, index) => index >= next && part.read.test(text));
    if (at < 0) return false;
    PARTS[at].apply(draft, PARTS[at].read.exec(text)!.slice(1));
    next = at + 1;
  }
  return true;
}

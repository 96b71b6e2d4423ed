import type { Problem } from '../api/problem';
import { FlashError } from '../api/errors';
import type { DeviceFacts } from '../device/device';
import { broadcastStrides } from '../features/bias-mask';
import { strides } from '../tensor/layout';
import { BYTES } from '../tensor/dtype';

/** Where the rows of a tensor lie, in elements: those of batch b and head h begin at offset + b * batch + h * head. */
export interface View {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
  readonly offset: number;
  readonly rows: number;
  readonly width: number;
  /** Bytes of an element. */
  readonly bytes: number;
  readonly heads: 'H' | 'Hk';
  /** The rows of several operands alternate: whole batches are bound. */
  readonly packed: boolean;
  /** With sequences one behind the other: their first rows, and the end. */
  readonly starts: Int32Array | null;
}

/** Tensors that a kernel binds, by name. dq, dk, dv and dout lie as q, k, v and out do. */
export type OperandName = 'q' | 'k' | 'v' | 'out' | 'lse' | 'rows' | 'bias' | 'mask' | 'dbias' | 'out_sum' | 'dq_sum';

const known = new WeakMap<Problem, Record<OperandName, View>>();

/** Views of all tensors of a problem. */
export function views(p: Problem): Record<OperandName, View> {
  const all = known.get(p) ?? makeViews(p);
  known.set(p, all);
  return all;
}

function makeViews(p: Problem): Record<OperandName, View> {
  // Queries and keys: all rows of a packed batch, or those of one head.
  const starts = { Q: p.sequences?.cuSeqlensQ ?? null, K: p.sequences?.cuSeqlensK ?? null };
  const [Q, K] = [starts.Q?.[p.B] ?? p.Nq, starts.K?.[p.B] ?? p.Nk];
  const bytes = BYTES[p.dtype];
  const layout = p.sequences ? 'bnhd' : p.layout;
  const plain = { offset: 0, packed: false, starts: null };
  const of = (heads: 'H' | 'Hk', width: number, part = 0, parts = 1): View => {
    const [rows, first] = heads === 'H' ? [Q, starts.Q] : [K, starts.K];
    // In a packed tensor each row holds the heads of every part side by side.
    const s = strides(layout, p[heads] * parts, rows, width);
    const batch = first ? 0 : s.batch;
    const offset = part * p[heads] * width;
    return { ...s, batch, offset, rows, width, bytes, heads, packed: parts > 1, starts: first };
  };
  const perRow = (size: number): View => {
    const batch = starts.Q ? 0 : p.H * Q;
    return { ...plain, batch, head: Q, row: 1, rows: Q, width: 1, bytes: size, heads: 'H', starts: starts.Q };
  };
  const operand = (t: Problem['bias']): View => {
    const [batch, head, row] = t ? broadcastStrides(t) : [0, 0, 0];
    const [, , rows, width] = t?.shape ?? [0, 0, 0, 0];
    return { ...plain, batch, head, row, rows, width, bytes: t ? BYTES[t.dtype] : 4, heads: 'H' };
  };
  const cached = (width: number): View => {
    const { pages, pageSize, element } = p.cache!;
    const rows = pages * pageSize;
    const row = p.Hk * width;
    return { ...plain, batch: 0, head: width, row, rows, width, bytes: BYTES[element], heads: 'Hk' };
  };
  const parts = p.packing === 'qkv' ? 3 : p.packing === 'kv' ? 2 : 1;
  return {
    q: of('H', p.D, 0, p.packing === 'qkv' ? 3 : 1),
    k: p.cache ? cached(p.D) : of('Hk', p.D, parts === 3 ? 1 : 0, parts),
    v: p.cache ? cached(p.Dv) : of('Hk', p.Dv, parts - 1, parts),
    out: of('H', p.Dv),
    lse: perRow(4),
    rows: perRow(8),
    bias: operand(p.bias),
    mask: operand(p.mask),
    // Summed in f32, whatever is stored in the end.
    out_sum: { ...of('H', p.Dv), bytes: 4 },
    dq_sum: { ...of('H', p.D), bytes: 4 },
    dbias: { ...operand(p.bias), bytes: 4 },
  };
}

/** Some heads of some batches, few enough that every tensor's part fits a binding: B batches of all heads, or heads of one. */
export interface Slice {
  readonly b0: number;
  readonly B: number;
  readonly hk0: number;
  readonly Hk: number;
  /** Query heads, those of the key/value heads. */
  readonly h0: number;
  readonly H: number;
}

/** First element and the one after the last that a slice touches. */
function range(view: View, s: Slice): [number, number] {
  const [row0, row1] = view.starts ? [view.starts[s.b0], view.starts[s.b0 + s.B]] : [0, view.rows];
  if (view.packed) {
    return view.starts ? [row0 * view.row, row1 * view.row] : [s.b0 * view.batch, (s.b0 + s.B) * view.batch];
  }
  const first = firstElement(view, s) + row0 * view.row;
  const heads = view.heads === 'H' ? s.H : s.Hk;
  const last = (s.B - 1) * view.batch + (heads - 1) * view.head + Math.max(0, row1 - row0 - 1) * view.row;
  return [first, first + last + view.width];
}

/** Where row 0 of a slice's first head and batch lies; for sequences, which have no batches, row 0 of all. */
const firstElement = (view: View, s: Slice): number =>
  view.offset + s.b0 * view.batch + (view.heads === 'H' ? s.h0 : s.hk0) * view.head;

/** Operands of every plan; the others are those of some. */
const ALWAYS: readonly OperandName[] = ['q', 'k', 'v', 'out', 'lse', 'bias', 'mask'];

/**
 * The slices of a problem: one where every tensor fits a binding, else split at batches, else at heads.
 * @param more further operands that the plan binds
 * @param matrixBytes of one query head, for algorithms that keep a score matrix
 */
export function slices(p: Problem, facts: DeviceFacts, more: readonly OperandName[] = [], matrixBytes = 0): Slice[] {
  const most = facts.maxBinding;
  const all = views(p);
  const group = p.H / p.Hk;
  const slice = (b0: number, B: number, hk0: number, Hk: number): Slice => ({
    ...{ b0, B, hk0, Hk },
    h0: hk0 * group,
    H: Hk * group,
  });
  const tooLarge = (s: Slice): { name: string; bytes: number } | undefined =>
    [
      ...[...ALWAYS, ...more].map((name) => {
        const view = all[name];
        const [first, last] = range(view, s);
        return { name, bytes: (last - first) * view.bytes + ALIGNMENT };
      }),
      { name: 'scores', bytes: s.B * s.H * matrixBytes },
    ].find(({ bytes }) => bytes > most);
  /** The largest count, in equal parts, whose slice fits; 1 where none does. */
  const largest = (count: number, of: (n: number) => Slice): number => {
    for (let parts = 1; ; parts++) {
      const n = Math.ceil(count / parts);
      if (n === 1 || !tooLarge(of(n))) return n;
    }
  };
  const result: Slice[] = [];
  const split = (b0: number): void => {
    const heads = largest(p.Hk, (n) => slice(b0, 1, 0, n));
    const bad = tooLarge(slice(b0, 1, 0, heads));
    if (bad) throw tooLargeError(bad, group, most);
    for (let hk0 = 0; hk0 < p.Hk; hk0 += heads) result.push(slice(b0, 1, hk0, Math.min(heads, p.Hk - hk0)));
  };
  let batches = p.B;
  for (let b0 = 0; b0 < p.B; b0 += batches) {
    batches = Math.min(batches, p.B - b0);
    // Sequences differ in length: what fitted before may not fit here.
    if (tooLarge(slice(b0, batches, 0, p.Hk))) batches = largest(p.B - b0, (n) => slice(b0, n, 0, p.Hk));
    if (tooLarge(slice(b0, batches, 0, p.Hk))) split(b0);
    else result.push(slice(b0, batches, 0, p.Hk));
  }
  return result;
}

function tooLargeError(bad: { name: string; bytes: number }, heads: number, most: number): FlashError {
  const advice =
    bad.name === 'scores'
      ? "'flash2' needs no score matrix."
      : "Heads that lie side by side, as in 'bnhd', cannot be bound one by one; in 'bhnd' they can.";
  return new FlashError(
    'OUT_OF_MEMORY',
    `${bad.name}: expected at most ${most} bytes for ${heads} query head(s) of one batch, what one binding of this device ` +
      `holds, got ${bad.bytes}. ${advice}`,
  );
}

/** Storage bindings begin at multiples of this many bytes (WebGPU's default minStorageBufferOffsetAlignment). */
const ALIGNMENT = 256;

/** The operands of a slice: how each buffer is bound, and the uniforms that tell where rows lie. */
export class Operands {
  private readonly views: Record<OperandName, View>;

  /** @param count number of slices of the problem; where there is one, every buffer is bound whole */
  constructor(
    p: Problem,
    readonly slice: Slice,
    private readonly count: number,
  ) {
    this.views = views(p);
  }

  /** Byte at which the binding of a view begins. */
  private offset(view: View): number {
    return this.count === 1 ? 0 : Math.floor((range(view, this.slice)[0] * view.bytes) / ALIGNMENT) * ALIGNMENT;
  }

  bind(name: OperandName, buffer: GPUBuffer): GPUBufferBinding {
    if (this.count === 1) return { buffer };
    const view = this.views[name];
    const offset = this.offset(view);
    const end = Math.ceil((range(view, this.slice)[1] * view.bytes) / 4) * 4;
    return { buffer, offset, size: Math.min(end, buffer.size) - offset };
  }

  /** Strides of a view in WGSL: (batch, head, row, first element of the slice within the binding). */
  strides(name: OperandName): [number, number, number, number] {
    const view = this.views[name];
    return [view.batch, view.head, view.row, firstElement(view, this.slice) - this.offset(view) / view.bytes];
  }

  /** What is added, modulo 2^32, to the index of an element of an operand whose batches and heads count from 0. */
  base(name: 'bias' | 'mask' | 'dbias'): number {
    const view = this.views[name];
    return (2 ** 32 - this.offset(view) / view.bytes) % 2 ** 32;
  }
}

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

type Views = Partial<Record<OperandName, View>>;

const known = new WeakMap<Problem, Views>();

/** The view of a tensor of a problem. */
export function viewOf(p: Problem, name: OperandName): View {
  let made = known.get(p);
  if (!made) known.set(p, (made = {}));
  return (made[name] ??= makeView(p, name));
}

function makeView(p: Problem, name: OperandName): View {
  const parts = p.packing === 'qkv' ? 3 : p.packing === 'kv' ? 2 : 1;
  const bytes = BYTES[p.dtype];
  switch (name) {
    case 'q':
      return rowsView(p, 'H', p.D, bytes, 0, p.packing === 'qkv' ? 3 : 1);
    case 'k':
      return p.cache ? cachedView(p, p.D) : rowsView(p, 'Hk', p.D, bytes, parts === 3 ? 1 : 0, parts);
    case 'v':
      return p.cache ? cachedView(p, p.Dv) : rowsView(p, 'Hk', p.Dv, bytes, parts - 1, parts);
    case 'out':
      return rowsView(p, 'H', p.Dv, bytes);
    case 'lse':
      return numbersView(p, 4);
    case 'rows':
      return numbersView(p, 8);
    case 'bias':
    case 'mask':
      return scoresView(p[name]);
    case 'dbias':
      return { ...scoresView(p.bias), bytes: 4 };
    // Summed in f32, whatever is stored in the end.
    case 'out_sum':
      return rowsView(p, 'H', p.Dv, 4);
    case 'dq_sum':
      return rowsView(p, 'H', p.D, 4);
  }
}

/** Rows of queries or of keys: all of a packed batch, or those of one head; of a packed tensor the `part`-th of `parts`. */
function rowsView(p: Problem, heads: 'H' | 'Hk', width: number, bytes: number, part = 0, parts = 1): View {
  const starts = (heads === 'H' ? p.sequences?.cuSeqlensQ : p.sequences?.cuSeqlensK) ?? null;
  const rows = starts ? starts[p.B] : heads === 'H' ? p.Nq : p.Nk;
  // In a packed tensor each row holds the heads of every part side by side.
  const s = strides(starts ? 'bnhd' : p.layout, p[heads] * parts, rows, width);
  const batch = starts ? 0 : s.batch;
  const offset = part * p[heads] * width;
  return { batch, head: s.head, row: s.row, offset, rows, width, bytes, heads, packed: parts > 1, starts };
}

/** A number, or `bytes` of them, for each row of queries of each head. */
function numbersView(p: Problem, bytes: number): View {
  const starts = p.sequences?.cuSeqlensQ ?? null;
  const rows = starts ? starts[p.B] : p.Nq;
  const batch = starts ? 0 : p.H * rows;
  return { batch, head: rows, row: 1, offset: 0, rows, width: 1, bytes, heads: 'H', packed: false, starts };
}

/** A tensor over the scores, which may not be there. */
function scoresView(t: Problem['bias']): View {
  const [batch, head, row] = t ? broadcastStrides(t) : [0, 0, 0];
  const [rows, width] = t ? [t.shape[2], t.shape[3]] : [0, 0];
  const bytes = t ? BYTES[t.dtype] : 4;
  return { batch, head, row, offset: 0, rows, width, bytes, heads: 'H', packed: false, starts: null };
}

function cachedView(p: Problem, width: number): View {
  const { pages, pageSize, element } = p.cache!;
  const [rows, row, bytes] = [pages * pageSize, p.Hk * width, BYTES[element]];
  return { batch: 0, head: width, row, offset: 0, rows, width, bytes, heads: 'Hk', packed: false, starts: null };
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
  const names = [...ALWAYS, ...more];
  const group = p.H / p.Hk;
  const slice = (b0: number, B: number, hk0: number, Hk: number): Slice => {
    return { b0, B, hk0, Hk, h0: hk0 * group, H: Hk * group };
  };
  const tooLarge = (s: Slice): { name: string; bytes: number } | undefined => {
    for (const name of names) {
      const view = viewOf(p, name);
      const [first, last] = range(view, s);
      const bytes = (last - first) * view.bytes + ALIGNMENT;
      if (bytes > most) return { name, bytes };
    }
    const bytes = s.B * s.H * matrixBytes;
    return bytes > most ? { name: 'scores', bytes } : undefined;
  };
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
  /** @param count number of slices of the problem; where there is one, every buffer is bound whole */
  constructor(
    private readonly p: Problem,
    readonly slice: Slice,
    private readonly count: number,
  ) {}

  /** Byte at which the binding of a view begins. */
  private offset(view: View): number {
    return this.count === 1 ? 0 : Math.floor((range(view, this.slice)[0] * view.bytes) / ALIGNMENT) * ALIGNMENT;
  }

  bind(name: OperandName, buffer: GPUBuffer): GPUBufferBinding {
    if (this.count === 1) return { buffer };
    const view = viewOf(this.p, name);
    const offset = this.offset(view);
    const end = Math.ceil((range(view, this.slice)[1] * view.bytes) / 4) * 4;
    return { buffer, offset, size: Math.min(end, buffer.size) - offset };
  }

  /** Strides of a view in WGSL: (batch, head, row, first element of the slice within the binding). */
  strides(name: OperandName): [number, number, number, number] {
    const view = viewOf(this.p, name);
    return [view.batch, view.head, view.row, firstElement(view, this.slice) - this.offset(view) / view.bytes];
  }

  /** What is added, modulo 2^32, to the index of an element of an operand whose batches and heads count from 0. */
  base(name: 'bias' | 'mask' | 'dbias'): number {
    const view = viewOf(this.p, name);
    return (2 ** 32 - this.offset(view) / view.bytes) % 2 ** 32;
  }
}

import { isOnHost } from '../../tensor/storage';
import type { Tensor } from '../../tensor/tensor';
import { isTensor } from '../session/show-tensor';
import type { OwnerState } from './messages';

/** Values that are looked at in search of tensors; a variable may hold millions. */
const MOST_VALUES = 20_000;
/** Owners and buffers of one owner that are listed. */
const MOST_OWNERS = 50;
const MOST_BUFFERS = 20;

/** What belongs together, with its buffers. */
export interface Owner {
  readonly name: string;
  readonly kind: OwnerState['kind'];
  readonly buffers: GPUBuffer[];
}

/** Owners, and what of them is shown. */
export interface Owners {
  readonly all: readonly Owner[];
  readonly states: OwnerState[];
  /** How many owners are not among the states. */
  readonly more: number;
}

export const NO_OWNERS: Owners = { all: [], states: [], more: 0 };

/** A tensor, and the variable that holds it. */
interface Held {
  readonly tensor: Tensor;
  readonly variable: string;
}

/**
 * The tensors that variables hold, by their buffers: themselves, in arrays, in maps, in plain objects and in results. The nearest
 * first, so that one variable with much in it does not hide the others.
 */
function heldBuffers(variables: Readonly<Record<string, unknown>>): Map<GPUBuffer, Held> {
  const held = new Map<GPUBuffer, Held>();
  const seen = new Set<unknown>();
  const queue: { value: unknown; variable: string }[] = [];
  let left = MOST_VALUES;
  const add = (value: unknown, variable: string): void => {
    left--;
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    queue.push({ value, variable });
  };
  for (const [name, value] of Object.entries(variables)) add(value, name);
  for (let at = 0; at < queue.length && left > 0; at++) {
    const { value, variable } = queue[at];
    try {
      if (isTensor(value)) {
        if (value.buffer && !held.has(value.buffer)) held.set(value.buffer, { tensor: value, variable });
        continue;
      }
      for (const part of partsOf(value as object)) {
        if (left <= 0) break;
        add(part, variable);
      }
    } catch {
      // A proxy may refuse to be looked at.
    }
  }
  return held;
}

/** What an object holds. Getters are not called: looking must not change anything. */
function* partsOf(value: object): Iterable<unknown> {
  if (ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    // Lists of numbers are long and hold no tensor.
    if (typeof value[0] === 'object') yield* value;
  } else if (value instanceof Map || value instanceof Set) yield* value.values();
  else for (const key of Object.keys(value)) yield Object.getOwnPropertyDescriptor(value, key)?.value;
}

/**
 * Live buffers by their owner: the variable that holds them, else the cell that made them. The largest owner first.
 * @param buffers and the cell that made each
 */
export function ownersOf(
  buffers: ReadonlyMap<GPUBuffer, string>,
  variables: Readonly<Record<string, unknown>>,
): Owners {
  const held = heldBuffers(variables);
  const owners = new Map<string, Owner>();
  for (const [buffer, cell] of buffers) {
    const variable = held.get(buffer)?.variable;
    const name = variable ?? cell;
    const key = `${variable === undefined ? 'cell' : 'variable'} ${name}`;
    const owner = owners.get(key) ?? { name, kind: variable === undefined ? 'cell' : 'variable', buffers: [] };
    owner.buffers.push(buffer);
    owners.set(key, owner);
  }
  const all = [...owners.values()];
  const states = all.map((owner) => stateOf(owner, held)).sort((a, b) => b.bytes - a.bytes);
  return { all, states: states.slice(0, MOST_OWNERS), more: Math.max(0, states.length - MOST_OWNERS) };
}

function stateOf({ name, kind, buffers }: Owner, held: ReadonlyMap<GPUBuffer, Held>): OwnerState {
  const listed = [...buffers].sort((a, b) => b.size - a.size).slice(0, MOST_BUFFERS);
  return {
    ...{ name, kind },
    bytes: buffers.reduce((sum, { size }) => sum + size, 0),
    buffers: listed.map((buffer) => {
      const tensor = held.get(buffer)?.tensor;
      return {
        label: buffer.label,
        text: tensor ? `${tensor.dtype} (${tensor.shape.join(',')})` : '',
        bytes: buffer.size,
      };
    }),
    more: buffers.length - listed.length,
    onHost: buffers.every(isOnHost),
  };
}

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

/** Which tensors live in which buffer, and which variable holds them. */
interface Held {
  readonly tensor: Tensor;
  readonly variable: string;
}

/** The tensors that variables hold, by their buffers: themselves, in arrays, in maps, in plain objects and in results. */
function heldBuffers(variables: Readonly<Record<string, unknown>>): Map<GPUBuffer, Held> {
  const held = new Map<GPUBuffer, Held>();
  const seen = new Set<unknown>();
  let left = MOST_VALUES;
  const look = (value: unknown, variable: string): void => {
    if (typeof value !== 'object' || value === null || seen.has(value) || left-- <= 0) return;
    seen.add(value);
    if (isTensor(value)) {
      if (value.buffer && !held.has(value.buffer)) held.set(value.buffer, { tensor: value, variable });
    } else if (ArrayBuffer.isView(value)) return;
    else if (value instanceof Map || value instanceof Set) for (const part of value.values()) look(part, variable);
    else for (const part of ownValues(value)) look(part, variable);
  };
  for (const [name, value] of Object.entries(variables)) look(value, name);
  return held;
}

/** Getters are not called: looking must not change anything. */
function* ownValues(value: object): Iterable<unknown> {
  for (const key of Object.keys(value)) yield Object.getOwnPropertyDescriptor(value, key)?.value;
}

/** Live buffers by their owner: the variable that holds them, else the cell that made them. The largest owner first. */
export function ownersOf(
  buffers: Iterable<GPUBuffer>,
  madeBy: (buffer: GPUBuffer) => string,
  variables: Readonly<Record<string, unknown>>,
): { owners: Owner[]; states: OwnerState[] } {
  const held = heldBuffers(variables);
  const owners = new Map<string, Owner>();
  for (const buffer of buffers) {
    const variable = held.get(buffer)?.variable;
    const name = variable ?? madeBy(buffer);
    const key = `${variable === undefined ? 'cell' : 'variable'} ${name}`;
    const owner = owners.get(key) ?? { name, kind: variable === undefined ? 'cell' : 'variable', buffers: [] };
    owner.buffers.push(buffer);
    owners.set(key, owner);
  }
  const all = [...owners.values()];
  const states = all.map((owner) => stateOf(owner, held)).sort((a, b) => b.bytes - a.bytes);
  return { owners: all, states: states.slice(0, MOST_OWNERS) };
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

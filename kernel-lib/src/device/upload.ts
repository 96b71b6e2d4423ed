import { abortable } from './abort';
import type { FlashDevice } from './device';
import { COPY_SRC, MAP_MODE_WRITE, MAP_WRITE } from './gpu-constants';

/** Beyond so many bytes, data goes through pieces of our own: the queue would make new ones each time, whose first touch is slow. */
const DIRECT_BYTES = 2 ** 20;
const PIECE_BYTES = 2 ** 22;
/** Pieces under way at the same time; more data waits. */
const PIECES = 8;

const USAGE = MAP_WRITE | COPY_SRC;

/** What pieces are under way to their buffers; each comes back mapped, to be written again. */
const underWay = new WeakMap<FlashDevice, Promise<void>[]>();

/**
 * Writes all bytes of `data` to the front of a buffer, by the queue and so in the order of the calls.
 * @throws (rejects) FlashError DEVICE_LOST, the reason of the signal
 */
export async function upload(
  device: FlashDevice,
  buffer: GPUBuffer,
  data: ArrayBufferView,
  signal?: AbortSignal,
): Promise<void> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  if (bytes.length > DIRECT_BYTES) {
    for (; at < bytes.length; at += PIECE_BYTES) {
      const all = piecesUnderWay(device);
      if (all.length >= PIECES) await abortable(device.guard(all[0]), signal);
      const piece = await mappedPiece(device);
      if (!piece || !send(device, piece, buffer, at, bytes.subarray(at, at + PIECE_BYTES))) break;
    }
  }
  if (at < bytes.length) write(device, buffer, at, bytes.subarray(at));
}

/** WebGPU takes bytes by fours, so an odd tail goes in a word of its own. */
function write({ gpu }: FlashDevice, buffer: GPUBuffer, at: number, bytes: Uint8Array): void {
  const whole = bytes.length - (bytes.length % 4);
  gpu.queue.writeBuffer(buffer, at, bytes.buffer, bytes.byteOffset, whole);
  if (whole === bytes.length) return;
  const word = new Uint8Array(4);
  word.set(bytes.subarray(whole));
  gpu.queue.writeBuffer(buffer, at + whole, word);
}

function piecesUnderWay(device: FlashDevice): Promise<void>[] {
  const all = underWay.get(device) ?? [];
  underWay.set(device, all);
  return all;
}

/** A piece to be written to; undefined if there is no memory for one. */
async function mappedPiece(device: FlashDevice): Promise<GPUBuffer | undefined> {
  const kept = device.kept.take(PIECE_BYTES, USAGE);
  if (kept) return kept;
  let made: GPUBuffer | undefined;
  try {
    return await device.checked('a piece of an upload', () => {
      made = device.gpu.createBuffer({ size: PIECE_BYTES, usage: USAGE, mappedAtCreation: true });
      return made;
    });
  } catch {
    made?.destroy();
    if (device.lost) throw device.lost;
    return undefined;
  }
}

/** Whether the piece could be written to, and is on its way. */
function send(device: FlashDevice, piece: GPUBuffer, buffer: GPUBuffer, at: number, bytes: Uint8Array): boolean {
  const { gpu } = device;
  const size = Math.ceil(bytes.length / 4) * 4;
  try {
    const mapped = new Uint8Array(piece.getMappedRange(0, size));
    mapped.set(bytes);
    mapped.fill(0, bytes.length);
    piece.unmap();
  } catch {
    // A browser may have no room for what it maps.
    piece.destroy();
    return false;
  }
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(piece, 0, buffer, at, size);
  gpu.queue.submit([encoder.finish()]);
  const all = piecesUnderWay(device);
  const back = piece.mapAsync(MAP_MODE_WRITE).then(
    () => device.keep(piece) || piece.destroy(),
    () => piece.destroy(),
  );
  const done = back.then(() => void all.splice(all.indexOf(done), 1));
  all.push(done);
  return true;
}

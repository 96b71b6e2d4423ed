import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { type DeviceInfo, FlashDevice } from './device';
import type { AdapterPreference } from './gpu-provider';

export interface InitOptions {
  /** 'auto' (hardware, then a system software driver, then SwiftShader), one kind, or your own adapter or device. */
  adapter?: 'auto' | 'hardware' | 'software' | GPUAdapter | GPUDevice;
}

let current: Promise<FlashDevice> | null = null;
/** The kind that the last init asked for, for the device that replaces a lost one. */
let preference: AdapterPreference = 'auto';

/** The device that calls run on; started by the first of them, and anew after a loss. */
export async function defaultDevice(): Promise<FlashDevice> {
  const opening = (current ??= use(FlashDevice.open(preference)));
  const opened = await opening;
  if (!opened.lost) return opened;
  if (current === opening) current = null;
  return defaultDevice();
}

/** Makes `opening` the default. One that fails is forgotten, so that the next call tries again. */
function use(opening: Promise<FlashDevice>): Promise<FlashDevice> {
  current = opening;
  opening.catch(() => {
    if (current === opening) current = null;
  });
  return opening;
}

/**
 * Chooses the device for all later calls, also those made before it has started. Optional: without it the first call starts
 * the default device. A second init ends the first device; tensors that live only there are then refused (DEVICE_LOST). One
 * that fails leaves the device that is in use.
 * @throws FlashError NO_ADAPTER where none of the wanted kind works, INVALID_ARGUMENT for another `adapter`
 */
export async function init(options: InitOptions = {}): Promise<void> {
  const source = options?.adapter ?? 'auto';
  const isObject = typeof source === 'object' && source !== null && ('queue' in source || 'requestDevice' in source);
  if (!isObject && !['auto', 'hardware', 'software'].includes(source as string)) {
    throw new FlashError(
      'INVALID_ARGUMENT',
      `adapter: expected 'auto', 'hardware', 'software', a GPUAdapter or a GPUDevice, got ${describe(source)}.`,
    );
  }
  const before = current;
  let failure: unknown;
  const opening = FlashDevice.open(source).catch((error: unknown) => {
    failure = error;
    if (!before) throw error;
    return before;
  });
  const after = await use(opening);
  if (failure !== undefined) throw failure;
  if (typeof source === 'string') preference = source;
  const old = await before?.catch(() => null);
  if (old && old !== after) old.end('flash.init() started another device.');
}

/** What the default device is: kind, name, driver, features, limits, subgroup sizes. Starts it if need be. */
export async function device(): Promise<DeviceInfo> {
  return (await defaultDevice()).info;
}

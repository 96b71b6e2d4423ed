import { flashAttention } from './flash-attention';
import { flashDevice } from './flash-device';
import { lsmagic } from './lsmagic';
import type { Magic } from './magic';

/** Every magic, in the order in which %lsmagic lists them. */
export const magics: readonly Magic[] = [flashAttention, flashDevice, lsmagic];

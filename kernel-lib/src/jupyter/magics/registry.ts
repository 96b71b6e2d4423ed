import { capture } from './capture';
import { cd } from './cd';
import { env } from './env';
import { flashAttention } from './flash-attention';
import { flashDevice } from './flash-device';
import { flashBench, flashCheck, flashIoModel, flashMemory, flashTrace } from './flash-reports';
import { lsmagic } from './lsmagic';
import type { Magic } from './magic';
import { reset } from './reset';
import { runFile } from './run-file';
import { html, markdown, svg } from './show-body';
import { timeCell, timeLine } from './time';
import { wgsl } from './wgsl';
import { who } from './who';

/** The magics of this kernel, in the order in which %lsmagic lists them. */
const own: readonly Magic[] = [
  ...[flashAttention, flashDevice, flashCheck, flashBench, flashMemory, flashTrace, flashIoModel, wgsl],
  ...[timeLine, timeCell, capture, who, reset, runFile, cd, env, html, markdown, svg, lsmagic],
];

/** All magics, those of the reader last: flash.registerMagic adds to them. */
export const magics: Magic[] = [...own];

/** First words of the names of this kernel's own magics, which compiled code calls by these. */
export const MAGIC_WORDS = [...new Set(own.map(({ name }) => name.split('.')[0]!))];

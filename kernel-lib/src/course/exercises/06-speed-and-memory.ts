import { memory } from './06-speed-and-memory-memory';
import { timing } from './06-speed-and-memory-timing';

export const speedAndMemory = { ...timing, ...memory };

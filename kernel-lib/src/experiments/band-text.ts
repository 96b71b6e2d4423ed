import type { Band } from '../api/problem';

/** 'causal', a window as the option has it, or null where every query sees every key. */
export function bandText({ left, right }: Band): string | null {
  if (left === Infinity && right === Infinity) return null;
  if (left === Infinity && right === 0) return 'causal';
  return `window [${[left, right].map((keys) => (keys === Infinity ? -1 : keys)).join(', ')}]`;
}

import { readStamp, removeStamp, writeStamp } from './fingerprint.mjs';

export const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs the steps whose result is missing or out of date, telling each and its time.
 *
 * A step is left out where `present` says that its result is there and its stamp equals `key`, the fingerprint of what
 * it depends on; a step without `key` has no stamp and `present` decides alone. The stamp is written last, so a step
 * that failed or was interrupted is run again.
 *
 * @param {{ name: string, what: string, key?: () => string, present: () => boolean, run: () => Promise<void> }[]} steps
 * @param {string} state folder of the stamps
 * @param {(text: string) => void} say receives the text to show
 */
export async function runSteps(steps, state, say) {
  for (const [index, step] of steps.entries()) {
    const key = step.key?.() ?? null;
    if (readStamp(state, step.name) === key && step.present()) continue;
    const since = performance.now();
    say(`[${index + 1}/${steps.length}] ${step.what} … `);
    removeStamp(state, step.name);
    try {
      await step.run();
    } catch (error) {
      say('failed\n');
      throw error;
    }
    if (key !== null) writeStamp(state, step.name, key);
    say(`done in ${secondsSince(since)}\n`);
  }
}

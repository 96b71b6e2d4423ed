import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fingerprint } from '../setup/fingerprint.mjs';
import { holdLock } from '../setup/hold-lock.mjs';
import { runSteps } from '../setup/run-steps.mjs';

let state: string;
beforeEach(() => {
  state = mkdtempSync(path.join(tmpdir(), 'flashlab state '));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

describe('runSteps', () => {
  /** Two steps that note when they run; `settings` is what a test changes between two runs. */
  function twoSteps() {
    const ran: string[] = [];
    const settings = { firstKey: 'a', secondFails: false, firstPresent: true };
    const steps = [
      {
        name: 'first',
        what: 'do the first thing',
        key: () => settings.firstKey,
        present: () => settings.firstPresent,
        run: async () => void ran.push('first'),
      },
      {
        name: 'second',
        what: 'do the second thing',
        key: () => 'b',
        present: () => true,
        run: async () => {
          ran.push('second');
          if (settings.secondFails) throw new Error('torn');
        },
      },
    ];
    let said = '';
    const run = () => runSteps(steps, state, (text: string) => (said += text));
    return { settings, run, ran: () => ran.splice(0), said: () => said };
  }

  test('runs every step once, tells each with its time, and then none', async () => {
    const { run, ran, said } = twoSteps();
    await run();
    expect(ran()).toEqual(['first', 'second']);
    expect(said()).toMatch(/^\[1\/2\] do the first thing … done in \d+\.\d s\n\[2\/2\] do the second thing … done in/);
    await run();
    expect(ran()).toEqual([]);
  });

  test('a step that failed is run again, and the ones before it are not', async () => {
    const { settings, run, ran, said } = twoSteps();
    settings.secondFails = true;
    await expect(run()).rejects.toThrow('torn');
    expect(said()).toContain('do the second thing … failed\n');
    ran();
    settings.secondFails = false;
    await run();
    expect(ran()).toEqual(['second']);
  });

  test('changed inputs and a missing result each bring a step back', async () => {
    const { settings, run, ran } = twoSteps();
    await run();
    ran();
    settings.firstKey = 'c';
    await run();
    expect(ran()).toEqual(['first']);
    settings.firstPresent = false;
    await run();
    expect(ran()).toEqual(['first']);
  });
});

describe('fingerprint', () => {
  test('depends on names and contents, and not on build outputs', () => {
    const file = (name: string, text: string) => writeFileSync(path.join(state, name), text);
    const now = () => fingerprint(state, ['.']);
    file('one.ts', '1');
    const one = now();
    file('one.ts', '2');
    const two = now();
    expect(two).not.toBe(one);
    file('dist', 'built');
    expect(now()).toBe(two);
    file('two.ts', '');
    expect(now()).not.toBe(two);
    expect(fingerprint(state, ['absent'])).toBe(fingerprint(state, []));
    expect(fingerprint(state, [], ['3.11'])).not.toBe(fingerprint(state, [], ['3.12']));
  });
});

describe('holdLock', () => {
  const lock = () => path.join(state, 'lock');

  test('a second set-up is refused until the first gives the lock back', () => {
    writeFileSync(lock(), String(process.ppid));
    expect(() => holdLock(state)).toThrow(
      `Another set-up of this folder is running. Wait for it; if there is none, delete ${lock()}.`,
    );
    rmSync(lock());
    holdLock(state)();
    holdLock(state)();
  });

  test('the lock of a process that died is taken over', () => {
    writeFileSync(lock(), '999999999');
    holdLock(state)();
  });
});

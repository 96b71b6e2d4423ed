import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { PanelState, RunState, ToPanel } from '../../src/jupyter/device-panel/messages';
import { installInto, missing, ofType, runSteps, type StepResult } from './kernel-session';

const why = missing();
const suite = why === undefined ? describe : describe.skip;

const execute = (code: string, more: object = {}): object => ({ op: 'execute', code, ...more });
const say = (data: object): [string, object] => ['comm_msg', { comm_id: 'panel', data }];
const send = (data: object, type = 'comm_msg'): object => ({
  ...{ op: 'request', type, silent: true },
  content: { comm_id: 'panel', target_name: 'flashlab.device.v1', data },
});
const settle = execute('0', { linger: 1, options: { store_history: false } });

const steps = {
  open: send({ adapter: null }, 'comm_open'),
  opened: settle,
  start: send({ type: 'start' }),
  started: execute('await flash.device(); 0', { linger: 1 }),
  tensors: execute(
    `const q = flash.randn([1, 2, 64, 16], { seed: 1 });
const k = flash.randn([1, 2, 64, 16], { seed: 2 }), v = flash.randn([1, 2, 64, 16], { seed: 3 });
const result = await flash.attention(q, k, v);
const before = await result.out.data();
0`,
    { linger: 1 },
  ),
  // A call that takes long on any machine, of which the first seconds go into compiling: the panel asks for memory of another tensor meanwhile, then it is interrupted.
  long: execute(
    `const big = flash.randn([1, 16, 16384, 64]);
console.log('be' + 'gun');
setTimeout(() => console.log('still be' + 'gun'), 8000);
await flash.attention(big, big, big);`,
    { when: 'begun', send: [say({ type: 'free', owners: ['q'] })], interrupt: 'message', linger: 1 },
  ),
  again: execute(
    'const same = await flash.attention(q, k, v); (await same.out.data()).every((x, i) => x === before[i])',
  ),
  freeAll: send({ type: 'free' }),
  freedAll: settle,
  freed: execute('(await result.out.data()).every((x, i) => x === before[i])', { linger: 1 }),
  dispose: send({ type: 'free', owners: ['result'] }),
  disposing: settle,
  disposed: execute('await result.out.data()', { linger: 1 }),
  garbage: execute('for (let i = 0; i < 5; i++) await flash.attention(q, k, v); 0', { linger: 1 }),
  collect: send({ type: 'free' }),
  collected: settle,
  measure: send({ type: 'measure' }),
  measured: execute('await flash.attention(q, k, v); 0', { linger: 1 }),
  own: execute(
    `%%wgsl({ bindings: { x: { shape: [4] } }, workgroups: 1 })
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { x[i] = f32(i); }`,
    { linger: 1 },
  ),
  nonsense: send({ type: 'no such thing' }),
  wrong: send({ type: 'free', owners: 5 }),
  hostile: { op: 'request', type: 'comm_msg', silent: true, content: { comm_id: { toString: null, valueOf: null } } },
  difficult: execute(
    `let list: any = null;
for (let i = 0; i < 20000; i++) list = { next: list };
const gone = Proxy.revocable({}, {});
gone.revoke();
const proxy = gone.proxy, matrix = Array.from({ length: 500 }, () => Array(2000).fill(0));
const deep = { a: [{ b: new Map([['c', flash.zeros([4, 4])]]) }] };
await flash.attention(q, k, v);
await flash.attention(deep.a[0].b.get('c')!.reshape([1, 1, 4, 4]), flash.zeros([1, 1, 4, 4]), flash.zeros([1, 1, 4, 4]));
0`,
    { linger: 1 },
  ),
  ended: execute('await flash.init(); 0', { linger: 1 }),
  close: send({}, 'comm_close'),
  after: execute('await flash.attention(q, k, v); 0', { linger: 1 }),
} as const;
type Step = keyof typeof steps;

suite(`the device panel's comm${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'flashlab panel '));
  let results: Record<Step, StepResult>;
  /** All that the panel knows by the end of a step. */
  let known: Record<Step, PanelState>;
  const messages = (step: Step): ToPanel[] => results[step].comms.map(({ data }) => data as unknown as ToPanel);
  const ownerOf = (step: Step, name: string) => known[step].owners.find((owner) => owner.name === name);
  const value = (step: Step): unknown =>
    (ofType(results[step], 'execute_result')[0]?.data as Record<string, string>)['text/plain'];

  beforeAll(async () => {
    const env = {
      ...installInto(path.join(folder, 'prefix')),
      FLASH_ADAPTER: process.env.FLASH_ADAPTER ?? 'swiftshader',
    };
    const names = Object.keys(steps) as Step[];
    const all = await runSteps(Object.values(steps), folder, env);
    results = Object.fromEntries(names.map((name, i) => [name, all[i]])) as typeof results;
    let state = {} as PanelState;
    const states = names.map((name) => {
      for (const message of messages(name)) state = { ...state, ...message };
      return [name, state];
    });
    known = Object.fromEntries(states) as typeof known;
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('before a device: nothing, and no device is started by being looked at', () => {
    expect(known.opened).toMatchObject({
      device: null,
      ceilings: null,
      owners: [],
      runs: [],
      busy: null,
      notice: null,
    });
    expect(known.opened.memory).toEqual({ bytes: 0, peak: 0, samples: [] });
  });

  test('a device that is started on request', () => {
    expect(known.started.device).toMatchObject({ kind: expect.any(String), name: expect.any(String) });
    expect(known.started.device!.limits.maxBufferSize).toBeGreaterThan(0);
    expect(known.started.busy).toBeNull();
    expect(known.started.notice).toBeNull();
  });

  test('memory, by the variables that hold it', () => {
    expect(ownerOf('tensors', 'q')).toEqual({
      ...{ name: 'q', kind: 'variable', bytes: 8192, more: 0, onHost: true },
      buffers: [{ label: 'q', text: 'f32 (1,2,64,16)', bytes: 8192 }],
    });
    expect(ownerOf('tensors', 'result')).toMatchObject({ kind: 'variable', bytes: 8192 + 512, onHost: false });
    expect(known.tensors.memory.bytes).toBe(known.tensors.owners.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(known.tensors.memory.peak).toBeGreaterThanOrEqual(known.tensors.memory.bytes);
    expect(known.tensors.memory.samples.at(-1)![1]).toBe(known.tensors.memory.bytes);
  });

  test('runs, with the time of each kernel', () => {
    const [run] = known.tensors.runs;
    expect(run).toMatchObject({ cell: 'In [2]', state: 'done', fraction: 1, problem: '' });
    expect(run.ms).toBeGreaterThan(0);
    expect(run.kernels.map(({ label }) => label)).toEqual(['flash2 forward']);
    expect(run.kernels[0].dispatches).toBeGreaterThanOrEqual(1);
    if (run.clock === 'gpu') expect(run.kernels[0].gpuMs).toBeCloseTo(run.ms!, 6);
  });

  test('a run is seen while its cell still runs', () => {
    const asked = results.long.outputs.find(({ content }) => content.text === 'still begun\n')!.time;
    const running = results.long.comms
      .filter(({ time }) => time < asked)
      .map(({ data }) => (data.runs as RunState[] | undefined)?.[0])
      .filter((run) => run?.state === 'running' && run.cell === 'In [3]');
    expect(running.length).toBeGreaterThan(1);
    expect(running.at(-1)!.fraction).toBeGreaterThan(running[0]!.fraction);
  });

  test('what is asked for while a cell runs is done without waiting for the cell, and harms no call', () => {
    expect(ownerOf('long', 'q')).toBeUndefined();
    const { freed } = known.long.notice as { freed: number };
    expect(freed).toBeGreaterThanOrEqual(8192);
    expect(value('again')).toBe('true');
    expect(ownerOf('freed', 'q')).toBeUndefined();
  });

  test('Free keeps what lives on the device only', () => {
    expect(value('freed')).toBe('true');
    expect(ownerOf('freed', 'result')).toBeDefined();
    expect(ownerOf('freed', 'k')).toBeUndefined();
  });

  test('a freed owner is as if disposed of', () => {
    expect(ownerOf('disposed', 'result')).toBeUndefined();
    expect(results.disposed.reply).toMatchObject({ status: 'error', ename: expect.stringContaining('FlashError') });
    expect(String(results.disposed.reply.evalue)).toContain('was disposed');
  });

  test('results that nothing holds are the cell’s, and Free collects them', () => {
    expect(ownerOf('garbage', 'In [7]')).toMatchObject({ kind: 'cell', onHost: false });
    expect(ownerOf('collected', 'In [7]')).toBeUndefined();
  });

  test('ceilings, measured on request', () => {
    expect(known.measured.memory.peak).toBe(known.collected.memory.peak);
    expect(known.measured.ceilings).toMatchObject({ clock: expect.stringMatching(/^(gpu|wall)$/) });
    for (const name of ['fmaGflops', 'expGops', 'copyGBs'] as const) {
      expect(known.measured.ceilings![name]).toBeGreaterThan(0);
    }
  });

  test('an interrupted run is told as stopped', () => {
    expect(results.long.reply).toMatchObject({ status: 'error', ename: 'Interrupted' });
    expect(known.long.runs[0]).toMatchObject({ state: 'stopped', ms: null });
    expect(known.long.runs.filter(({ state }) => state === 'running')).toEqual([]);
  });

  test('a reader’s own kernel is a run, too', () => {
    expect(known.own.runs[0]).toMatchObject({ state: 'done', kernels: [{ label: 'wgsl', dispatches: 1 }] });
  });

  test('nonsense does nothing', () => {
    expect(known.difficult.notice).toBeNull();
    expect(known.difficult.busy).toBeNull();
    expect(results.hostile.alive).toBe(true);
  });

  test('tensors are found wherever variables hold them, and nothing that a variable holds disturbs', () => {
    expect(results.difficult.outputs.filter(({ type }) => type === 'stream')).toEqual([]);
    expect(ownerOf('difficult', 'deep')).toMatchObject({ buffers: [{ text: 'f32 (4,4)' }] });
    expect(ownerOf('difficult', 'q')).toBeDefined();
  });

  test('what the panel is told belongs to no cell', () => {
    const parents = Object.values(results).flatMap(({ outputs }) => outputs.filter(({ type }) => type === 'comm_msg'));
    expect(parents).toEqual([]);
  });

  test('another device begins anew', () => {
    expect(known.ended.ceilings).toBeNull();
    expect(known.ended.memory.bytes).toBe(0);
    expect(known.ended.owners).toEqual([]);
  });

  test('a closed comm is told nothing', () => {
    expect(messages('after')).toEqual([]);
    expect(results.after.reply.status).toBe('ok');
  });
});

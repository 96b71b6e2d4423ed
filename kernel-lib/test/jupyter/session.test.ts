import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { Json, Message, Outgoing } from '../../src/jupyter/protocol';
import { ProgressBar } from '../../src/jupyter/session/progress';
import { textAndTable } from '../../src/jupyter/magics/table';
import { Outputs } from '../../src/jupyter/outputs';
import { Cell, currentCell, InterruptedError } from '../../src/jupyter/session/cell';
import { withSignal } from '../../src/jupyter/library';
import { Comms } from '../../src/jupyter/session/comms';
import { toMimeBundle } from '../../src/jupyter/session/display';
import { describeError } from '../../src/jupyter/session/errors';
import { History } from '../../src/jupyter/session/history';
import { HistoryFile, historyPath } from '../../src/jupyter/session/history-file';
import { Input } from '../../src/jupyter/session/input';
import { Sources } from '../../src/jupyter/session/sources';

const header = (id: string) => ({
  msg_id: id,
  session: 's',
  username: 'u',
  date: '',
  msg_type: 'execute_request',
  version: '5.4',
});

function cellWith(more: { silent?: boolean; allowStdin?: boolean } = {}): {
  cell: Cell;
  sent: Outgoing[];
  outputs: Outputs;
} {
  const sent: Outgoing[] = [];
  const outputs = new Outputs((out) => void sent.push(out));
  const cell = new Cell(
    { header: header('1'), idents: [], count: 1, silent: false, allowStdin: true, ...more },
    outputs,
  );
  return { cell, sent, outputs };
}

describe('values as MIME bundles', () => {
  const DISPLAY = Symbol.for('Jupyter.display');
  test('plain values as Node prints them', () => {
    expect(toMimeBundle([1, 2])).toEqual({ 'text/plain': '[ 1, 2 ]' });
    expect(toMimeBundle('a')).toEqual({ 'text/plain': "'a'" });
    expect(toMimeBundle(null)).toEqual({ 'text/plain': 'null' });
  });
  test('objects that know how, with their own this, bytes as base64', () => {
    const own = {
      html: '<i>',
      [DISPLAY]() {
        return { 'text/html': this.html, 'image/png': Uint8Array.of(1, 2, 3) };
      },
    };
    expect(toMimeBundle(own)).toEqual({ 'text/html': '<i>', 'image/png': 'AQID' });
  });
  test('promises of bundles', async () => {
    await expect(toMimeBundle({ [DISPLAY]: () => Promise.resolve({ a: 'b' }) })).resolves.toEqual({ a: 'b' });
  });
  test('what is no bundle is refused', () =>
    expect(() => toMimeBundle({ [DISPLAY]: () => 3 })).toThrow('must return an object'));
});

describe('outputs', () => {
  test('quick pieces of text become one message, in order with the rest', () => {
    const { cell, sent } = cellWith();
    cell.stream('stdout', 'a');
    cell.stream('stdout', 'b');
    cell.stream('stderr', 'c');
    cell.publish('clear_output', { wait: false });
    expect(sent.map(({ type, content }) => [type, content.name, content.text])).toEqual([
      ['stream', 'stdout', 'ab'],
      ['stream', 'stderr', 'c'],
      ['clear_output', undefined, undefined],
    ]);
    expect(sent.every(({ parent }) => (parent as { msg_id: string }).msg_id === '1')).toBe(true);
  });
  test('much text is sent at once', () => {
    const { cell, sent } = cellWith();
    cell.stream('stdout', 'x'.repeat(100_000));
    expect(sent).toHaveLength(1);
  });
  test('a silent cell puts out nothing', () => {
    const { cell, sent, outputs } = cellWith({ silent: true });
    cell.stream('stdout', 'a');
    cell.display({ 'text/plain': 'b' });
    outputs.flush();
    expect(sent).toEqual([]);
  });
});

test('an interrupted cell aborts its signal with the reason', async () => {
  const { cell } = cellWith();
  cell.interrupt();
  expect(cell.controller.signal.aborted).toBe(true);
  await expect(cell.interrupted).rejects.toBeInstanceOf(InterruptedError);
  await expect(cell.interruptedFor(1)).rejects.toBe(cell.controller.signal.reason);
});

test('calls of a cell take its signal where they have none', () => {
  const { cell } = cellWith();
  const call = withSignal((...args: unknown[]) => args[1], 1);
  const { signal } = cell.controller;
  const own = new AbortController().signal;
  currentCell.run(cell, () => {
    expect(call('q')).toEqual({ signal });
    expect(call('q', { causal: true })).toEqual({ causal: true, signal });
    expect((call('q', { signal: own }) as { signal: AbortSignal }).signal).toBe(own);
    expect(call('q', 'no options')).toBe('no options');
    expect(call('q', null)).toBe(null);
  });
  expect(call('q', { causal: true })).toEqual({ causal: true });
});

test('a cell waits for what it tracks, and fails with it', async () => {
  const { cell } = cellWith();
  let done = false;
  cell.track(new Promise<void>((resolve) => setTimeout(() => resolve(void (done = true)), 5)));
  await cell.settled();
  expect(done).toBe(true);
  cell.track(Promise.reject(new Error('no')));
  await expect(cell.settled()).rejects.toThrow('no');
});

describe('the progress bar', () => {
  const shown = (sent: Outgoing[]): string[] => sent.map(({ content }) => String((content.data as Json)['text/plain']));
  test('updates one output, seldom, never backwards, and ends full', () => {
    const { cell, sent } = cellWith();
    const bar = new ProgressBar(cell, 'x');
    for (let i = 0; i < 1000; i++) bar.update(i / 2000);
    bar.update(0.1);
    bar.finish();
    bar.update(1);
    bar.stop();
    expect(sent[0]!.type).toBe('display_data');
    expect(sent.slice(1).every(({ type }) => type === 'update_display_data')).toBe(true);
    expect(sent.length).toBeLessThan(50);
    expect(shown(sent).at(-1)).toMatch(/^x \[#{30}\] done in/);
    expect(new Set(sent.map(({ content }) => (content.transient as Json).display_id)).size).toBe(1);
  });
  test('says where it stopped', () => {
    const { cell, sent } = cellWith();
    const bar = new ProgressBar(cell, 'x');
    bar.update(0.5);
    bar.stop();
    expect(shown(sent).at(-1)).toContain('stopped at 50 %');
  });
});

describe('history', () => {
  const history = new History();
  ['6 * 7', 'const a = 1;', '6 * 7', 'f(x)'].forEach((input, i) => history.add(i + 1, input, i === 0 ? '42' : null));
  const lines = (request: Json): number[] =>
    (history.answer(request).history as [number, number][]).map(([, line]) => line);

  test.each<[Json, number[]]>([
    [{ hist_access_type: 'tail', n: 2 }, [3, 4]],
    [{ hist_access_type: 'tail', n: 0 }, []],
    [{ hist_access_type: 'range', session: 0, start: 2, stop: 4 }, [2, 3]],
    [{ hist_access_type: 'range', session: -1, start: 1, stop: 4 }, []],
    [{ hist_access_type: 'search', pattern: '6 [*]*', n: 10 }, [1, 3]],
    [{ hist_access_type: 'search', pattern: '6 [*]*', unique: true }, [3]],
    [{ hist_access_type: 'search', pattern: 'f(?)' }, [4]],
    [{ hist_access_type: 'search', pattern: 'a' }, []],
  ])('%j', (request, expected) => expect(lines(request)).toEqual(expected));

  test('with outputs', () => {
    expect(history.answer({ hist_access_type: 'range', start: 1, stop: 2, output: true }).history).toEqual([
      [1, 1, ['6 * 7', '42']],
    ]);
  });
  test('keeps a bounded number', () => {
    const long = new History();
    for (let i = 0; i < 3000; i++) long.add(i, 'x', null);
    expect(long.answer({ hist_access_type: 'tail' }).history).toHaveLength(1000);
  });
});

describe('history across sessions', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'flashlab history '));
  const file = path.join(folder, 'deep', 'history.jsonl');
  afterAll(() => rmSync(folder, { recursive: true }));
  const inputs = (history: History, request: Json): unknown => history.answer(request).history;

  test('earlier sessions are found, their numbers go on', () => {
    new History(new HistoryFile(file)).add(1, 'first\nsession', '1');
    const second = new History(new HistoryFile(file));
    second.add(1, 'second', null);
    expect(inputs(second, { hist_access_type: 'tail' })).toEqual([
      [1, 1, 'first\nsession'],
      [2, 1, 'second'],
    ]);
    expect(inputs(second, { hist_access_type: 'range', session: 0 })).toEqual([[2, 1, 'second']]);
    expect(inputs(second, { hist_access_type: 'range', session: -1 })).toEqual([[1, 1, 'first\nsession']]);
    expect(inputs(second, { hist_access_type: 'search', pattern: '*session', output: true })).toEqual([
      [1, 1, ['first\nsession', null]],
    ]);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('a damaged file costs only what is damaged, a long one is cut', () => {
    appendFileSync(file, 'no json\n{"session":"x"}\n');
    appendFileSync(file, '{"session":7,"line":1,"input":"y"}\n'.repeat(2500));
    const history = new History(new HistoryFile(file));
    history.add(1, 'now', null);
    expect(inputs(history, { hist_access_type: 'tail', n: 2 })).toEqual([
      [7, 1, 'y'],
      [8, 1, 'now'],
    ]);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(1000 + 1 + 1);
  });

  test('where nothing can be written the kernel runs all the same', () => {
    const nowhere = new History(new HistoryFile(path.join(file, 'below a file', 'x')));
    nowhere.add(1, 'now', null);
    expect(inputs(nowhere, { hist_access_type: 'tail' })).toEqual([[1, 1, 'now']]);
  });

  test('the file is named by FLASH_HISTORY, or lies in the data folder of Jupyter', () => {
    expect(historyPath({ FLASH_HISTORY: 'off' })).toBeUndefined();
    expect(historyPath({ FLASH_HISTORY: '/x/y' })).toBe('/x/y');
    expect(historyPath({ JUPYTER_DATA_DIR: '/data' })).toBe(path.join('/data', 'flashlab', 'history.jsonl'));
  });
});

describe('comms', () => {
  const message = (type: string, content: Json): Message => ({
    idents: [],
    header: { ...header('c'), msg_type: type },
    parent: {},
    metadata: {},
    content,
    buffers: [Uint8Array.of(9)],
  });
  test('open, talk and close, with buffers', () => {
    const sent: unknown[] = [];
    const comms = new Comms((...args) => void sent.push(args));
    const got: unknown[] = [];
    comms.registerTarget('t', (comm, open) => {
      got.push(open.data);
      comm.onMessage = ({ data, buffers }) => comm.send({ echo: data }, buffers);
      comm.onClose = () => got.push('closed');
    });
    comms.handle(message('comm_open', { comm_id: 'a', target_name: 't', data: { x: 1 } }));
    comms.handle(message('comm_msg', { comm_id: 'a', data: { y: 2 } }));
    expect(sent).toEqual([
      ['comm_msg', { comm_id: 'a', data: { echo: { y: 2 } } }, { buffers: [Uint8Array.of(9)], urgent: false }],
    ]);
    expect(comms.info('t')).toEqual({ status: 'ok', comms: { a: { target_name: 't' } } });
    expect(comms.info('u')).toEqual({ status: 'ok', comms: {} });
    comms.handle(message('comm_close', { comm_id: 'a', data: {} }));
    expect(got).toEqual([{ x: 1 }, 'closed']);
    expect(comms.info(undefined)).toEqual({ status: 'ok', comms: {} });
  });
  test('unknown targets are closed, closed comms refuse to send', () => {
    const sent: unknown[][] = [];
    const comms = new Comms((...args) => void sent.push(args));
    comms.handle(message('comm_open', { comm_id: 'b', target_name: 'nobody', data: {} }));
    expect(sent).toEqual([['comm_close', { comm_id: 'b', data: {} }, {}]]);
    comms.handle(message('comm_msg', { comm_id: 'of a kernel before this one', data: {} }));
    const comm = comms.start('front', { a: 1 });
    comm.close();
    expect(sent.map(([type]) => type)).toEqual(['comm_close', 'comm_close', 'comm_open', 'comm_close']);
    expect(() => comm.send({})).toThrow('is closed');
  });
});

describe('input', () => {
  test('asks one question at a time', async () => {
    const asked: string[] = [];
    const input = new Input((_, { content }) => void asked.push(String(content.prompt)));
    const { cell } = cellWith();
    const answers = [input.ask(cell, 'a', false), input.ask(cell, 'b', true)];
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toEqual(['a']);
    input.receive('1');
    await expect(answers[0]).resolves.toBe('1');
    await new Promise((resolve) => setTimeout(resolve));
    expect(asked).toEqual(['a', 'b']);
    cell.interrupt();
    await expect(answers[1]).rejects.toBeInstanceOf(InterruptedError);
  });
  test('is refused where nobody can type', async () => {
    await expect(new Input(() => {}).ask(cellWith({ allowStdin: false }).cell, 'a', false)).rejects.toThrow(
      'front end',
    );
  });
});

describe('errors', () => {
  const sources = new Sources();
  test('of any kind have a name, a text and a trace', () => {
    expect(describeError('text', sources)).toMatchObject({ ename: 'Thrown', evalue: "'text'" });
    expect(describeError(undefined, sources)).toMatchObject({ ename: 'Thrown', evalue: 'undefined' });
    const nested = describeError(new AggregateError([new Error('one')], 'all', { cause: 'why' }), sources);
    expect(nested).toMatchObject({ ename: 'AggregateError', evalue: 'all' });
    expect(nested.traceback.join('\n')).toMatch(/Caused by 'why'[^]*Error: one/);
  });
  test('only so many cells are remembered', () => {
    const cell = {
      label: 'cell',
      text: 'x',
      code: 'x',
      offsets: { toCell: (n: number) => n } as never,
      locate: () => ({ line: 1, column: 1 }),
    };
    const names = Array.from({ length: 300 }, () => /flashlab-cell-\d+/.exec(sources.add(cell))![0]);
    expect(sources.place(`at ${names[0]}:1:1`)).toBeUndefined();
    expect(sources.place(`at ${names.at(-1)}:1:1`)).toMatchObject({ line: 1, column: 1 });
    expect(sources.translate(`in ${names.at(-1)}:1:1`)).toBe('in cell:1:1');
  });
});

test('tables escape what they show', () => {
  expect(textAndTable([['a<b', '"&']])['text/html']).toContain('a&#60;b</th><td style="text-align:left">&#34;&#38;');
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { installInto, missing, ofType, python, runSteps, type Content, type StepResult } from './kernel-session';

const why = missing();
const suite = why === undefined ? describe : describe.skip;

/** The steps by name; all run in one kernel, in this order. */
const execute = (code: string, more: object = {}): object => ({ op: 'execute', code, ...more });
const request = (type: string, content: object, more: object = {}): object => ({
  op: 'request',
  type,
  content,
  ...more,
});
const MAGIC = '%%flash.attention({ seq: 64, heads: 2, dim: 16, causal: true })';
const steps = {
  hello: execute("console.log('hello'); console.error('to stderr'); 6 * 7"),
  error: execute(
    "const fine = 1;\n\nfunction fail(x: number): never {\n  throw new RangeError('boom ' + x);\n}\n\nfail(fine);",
  ),
  thrownCause: execute("throw new Error('outer', { cause: new TypeError('inner') })"),
  typeError: execute("console.log('ran');\n\nconst n: number = 'text';"),
  magicTypeError: execute("%%flash.attention({\n  seq: 'long',\n})"),
  bodyTypeError: execute(`${MAGIC}\n\nconst wrong: string = 1;`),
  unknownMagic: execute('%%flash.atention({ seq: 64 })'),
  magic: execute(MAGIC),
  last: execute('[flash.last!.ok, flash.last!.randomInputs, flash.last!.problem.Nq]'),
  magicWithBody: execute(
    `%%flash.attention({ causal: true })\nconst [q, k, v] = [1, 2, 3].map((seed) => flash.randn([1, 2, 32, 16], { seed }));\n({ q, k, v })`,
  ),
  lastWithBody: execute('[flash.last!.ok, flash.last!.randomInputs, q.shape.join()]'),
  badOption: execute('%%flash.attention({ seq: -1 })'),
  device: execute('%flash.device\nconsole.log("after")'),
  lsmagic: execute('%lsmagic'),
  awaitInAwait: execute(
    "const made = async () => (await flash.wgsl('no WGSL', { bindings: { y: { shape: [1] } }, workgroups: 1 })).y;\nconst first = (await (await made()).data()).slice(1);",
  ),
  imported: execute("import * as lib from '@flashlab/kernel-lib';\nlib.attention === flash.attention"),
  completeName: request('complete_request', { code: '%%flash.att', cursor_pos: 11 }),
  completeSigil: request('complete_request', { code: '%fl', cursor_pos: 3 }),
  completeOption: request('complete_request', { code: "const e = '😀';\n%flash.device\nflash.rand", cursor_pos: 39 }),
  completeArgument: request('complete_request', { code: '%%flash.attention({ cau })\nlet x = 1', cursor_pos: 23 }),
  completeFlash: request('complete_request', { code: 'flash.', cursor_pos: 6 }),
  inspectArgument: request('inspect_request', { code: MAGIC, cursor_pos: MAGIC.indexOf('heads') + 2, detail_level: 0 }),
  inspectCall: request('inspect_request', { code: '%%flash.attention()', cursor_pos: 18, detail_level: 0 }),
  inspectOpenCall: request('inspect_request', { code: 'await flash.attention(q, ', cursor_pos: 25, detail_level: 0 }),
  history: request('history_request', {
    hist_access_type: 'search',
    pattern: '*lsmag*',
    output: false,
    raw: true,
    n: 5,
  }),
  interruptGpu: execute('%%flash.attention({ seq: 8192, heads: 8, dim: 128 })', {
    interrupt: 'signal',
    when: 'progress',
  }),
  afterGpu: execute('const t = await flash.attention(q, k, v);\nt.out.shape.join()'),
  interruptCall: execute(
    "const big = flash.randn([1, 8, 8192, 128]);\nconsole.log('go');\nawait flash.attention(big, big, big);",
    { interrupt: 'signal', when: 'go' },
  ),
  afterCall: execute('(await flash.attention(q, k, v)).out.shape.join()'),
  interruptBusy: execute("console.log('go'); while (true) {}", { interrupt: 'signal', when: 'go' }),
  interruptAfterAwait: execute("await 0; console.log('go'); while (true) {}", { interrupt: 'signal', when: 'go' }),
  interruptByMessage: execute("console.log('go'); await new Promise(() => {})", { interrupt: 'message', when: 'go' }),
  afterInterrupts: execute('q.shape[2] + 1'),
  late: execute("setTimeout(() => console.log('late'), 200); 1", { linger: 1 }),
  rejected: execute(
    "void Promise.reject(new Error('nobody caught')); setTimeout(() => { throw new Error('nor this') }, 5); 2",
    { linger: 0.5 },
  ),
  afterRejected: execute('3'),
  input: execute("const name = await input('your name? ');\nname.length", { input: 'Ada L' }),
  noInput: execute("await input('x')"),
  display: execute(
    "const shown = display({ [Symbol.for('Jupyter.display')]: () => ({ 'text/html': '<b>1</b>' }) });\nshown.update({ 'text/html': '<b>2</b>' }, { raw: true });\nclearOutput({ wait: true });",
  ),
  progress: execute("const bar = display.progress('<b>&'); bar.update(0.5); bar.finish(); bar.update(0.7); bar"),
  handle: execute("display('shown once')"),
  forgotten: execute('flash.attention(q, q, q).out'),
  sum: execute('q + q'),
  refused: execute('await flash.attention(q, q, flash.zeros([1, 1, 1, 1]))'),
  importedNames: execute(
    "import { basename } from 'node:path';\nimport * as os from 'node:os';\nbasename('/a/b') + typeof os.cpus",
  ),
  declared: execute('const basename = 3;\nbasename'),
  importedAgain: execute("import { basename } from 'node:path';\nbasename('/c/d')"),
  closure: execute('let turns = 0;\nconst read = () => turns;\nfor (let i = 0; i < 1e6; i++) turns += 1;\nread()'),
  closureLater: execute('turns = 7;\nread()'),
  closureSets: execute('const raise = () => { turns += 1; };\nraise();\nturns + read()'),
  closureAnew: execute("let turns = 'another';\nturns + read()"),
  closureAfter: execute("turns += '!';\n[turns, read()].join()"),
  constant: execute('const fixed = 1; let { a: [part = 2], ...rest } = { a: [3], b: 4 };\npart = 5;\nfixed'),
  constantLater: execute('part += 1; rest = { b: 9 };\n[fixed, part, rest.b].join()'),
  ofCell: execute(
    "Object.keys((globalThis as any).__tslab__.exports).filter((name) => name.startsWith('tsLastExpr')).length",
  ),
  result: execute('await flash.attention(q, q, q)'),
  partly: execute('%%flash.attention({ seq: 64 })\n({ q, k: q })'),
  registerComm: execute(
    "comms.registerTarget('echo', (comm, open) => {\n  comm.onMessage = (message) => comm.send({ got: message.data.x, opened: open.data.y });\n});",
  ),
  commOpen: request('comm_open', { comm_id: 'c1', target_name: 'echo', data: { y: 7 } }, { silent: true }),
  commMessage: request('comm_msg', { comm_id: 'c1', data: { x: 5 } }, { silent: true }),
  commInfo: request('comm_info_request', { target_name: 'echo' }),
  commClose: request('comm_close', { comm_id: 'c1', data: {} }, { silent: true }),
  commInfoAfter: request('comm_info_request', {}),
  expressions: execute('1', { options: { user_expressions: { sum: 'q.shape[1] - 0', bad: 'nope' } } }),
  garbage: { op: 'garbage' },
  welcome: { op: 'welcome' },
  huge: { op: 'huge', size: 1e8 },
  replay: { op: 'replay' },
  replayed: execute('(globalThis as any).obeyed'),
  unknownRequest: request('no_such_request', {}),
  badRequest: request('complete_request', { code: 5 }),
  afterGarbage: execute('6 * 7'),
  control: request('kernel_info_request', {}, { channel: 'control' }),
} as const;
type Step = keyof typeof steps;

suite(`the notebook kernel through jupyter_client${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  // Elsewhere and with spaces, as a reader's folder may be: nothing of the repository is found from there.
  const folder = mkdtempSync(path.join(tmpdir(), 'flashlab kernel '));
  const notebooks = path.join(folder, 'my notebooks');
  let env: NodeJS.ProcessEnv;
  let results: Record<Step, StepResult>;
  const error = (step: Step): Content => ofType(results[step], 'error')[0]!;
  const value = (step: Step): unknown => {
    const result = ofType(results[step], 'execute_result')[0];
    return result ? (result.data as Content)['text/plain'] : results[step].reply;
  };
  const answer = (step: Step): Content => results[step].reply.content as Content;

  beforeAll(async () => {
    mkdirSync(notebooks);
    env = installInto(path.join(folder, 'prefix'));
    const names = Object.keys(steps) as Step[];
    const all = await runSteps(Object.values(steps), notebooks, env);
    results = Object.fromEntries(names.map((name, i) => [name, all[i]])) as Record<Step, StepResult>;
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('streams and a result', () => {
    expect(ofType(results.hello, 'stream')).toEqual([
      { name: 'stdout', text: 'hello\n' },
      { name: 'stderr', text: 'to stderr\n' },
    ]);
    expect(value('hello')).toBe('42');
    expect(results.hello.reply).toMatchObject({ status: 'ok', execution_count: 1 });
  });

  test('an error shows the lines of its cell', () => {
    expect(error('error')).toMatchObject({ ename: 'RangeError', evalue: 'boom 1' });
    const trace = (error('error').traceback as string[]).join('\n');
    expect(trace).toContain("> 4 |   throw new RangeError('boom ' + x);\n    |         ^");
    expect(trace).toMatch(/at fail \(cell \[2\], line 4, column 9\)/);
    expect(trace.match(/at cell \[2\], line 7/g)).toHaveLength(1);
    expect(trace).not.toMatch(/tslab|node:/);
    expect((error('thrownCause').traceback as string[]).join('\n')).toContain('Caused by TypeError: inner');
  });

  test('a type error stops the cell and names line and column of the cell', () => {
    expect(ofType(results.typeError, 'stream')).toEqual([]);
    expect(error('typeError').evalue).toMatch(/^line 3, column 7: Type 'string' is not assignable/);
    expect((error('typeError').traceback as string[]).slice(-2)).toEqual([
      "> 3 | const n: number = 'text';",
      '    |       ^',
    ]);
    expect(error('magicTypeError').evalue).toMatch(/^line 2, column 3: .*not assignable/);
    expect(error('bodyTypeError').evalue).toMatch(/^line 3, column 7: /);
  });

  test('an unknown magic names the nearest', () => {
    expect(error('unknownMagic')).toMatchObject({ ename: 'MagicError' });
    expect(error('unknownMagic').evalue).toContain('the nearest is %%flash.attention');
  });

  test('the magic shows a progress bar that ends, then its report', () => {
    const first = ofType(results.magic, 'display_data')[0]!;
    const id = (first.transient as Content).display_id;
    expect(first.data).toHaveProperty('text/html');
    const updates = ofType(results.magic, 'update_display_data');
    expect(updates.every((update) => (update.transient as Content).display_id === id)).toBe(true);
    expect((updates.at(-1)!.data as Content)['text/plain']).toMatch(/\[#+\] done in/);
    const report = ofType(results.magic, 'display_data').at(-1)!.data as Content;
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining(['text/plain', 'image/svg+xml', 'application/vnd.plotly.v1+json']),
    );
    expect(value('last')).toBe('[ true, true, 64 ]');
  });

  test('the progress bar does not flood', () => {
    const times = results.magic.outputs.filter(({ type }) => type === 'update_display_data').map(({ time }) => time);
    const { time: end } = results.magic.outputs.at(-1)!;
    const start = results.magic.outputs[0]!.time;
    expect(times.length).toBeLessThanOrEqual((end - start) * 11 + 3);
  });

  test('a body gives the inputs and shares its variables', () => {
    expect(results.magicWithBody.reply).toMatchObject({ status: 'ok' });
    expect(value('lastWithBody')).toBe("[ true, false, '1,2,32,16' ]");
  });

  test('options of the right type and a wrong value are refused by the library', () => {
    expect(error('badOption')).toMatchObject({ ename: 'FlashError' });
    expect(error('badOption').evalue).toContain('seq');
  });

  test('magics on a line run in their place', () => {
    expect(results.device.outputs.filter(({ type }) => type !== 'execute_input').map(({ type }) => type)).toEqual([
      'display_data',
      'stream',
    ]);
    const data = ofType(results.device, 'display_data')[0]!.data as Content;
    expect(data['text/plain']).toMatch(/kind +(hard|soft)ware/);
    const list = ofType(results.lsmagic, 'display_data')[0]!.data as Content;
    for (const name of ['%%flash.attention', '%flash.device', '%lsmagic']) expect(list['text/plain']).toContain(name);
  });

  test('an await of an await is compiled', () => expect(error('awaitInAwait').ename).toBe('FlashError'));
  test('an import gives the very same library', () => expect(value('imported')).toBe('true'));

  test('completion in names, sigils and arguments', () => {
    expect(answer('completeName')).toMatchObject({ matches: ['attention'], cursor_start: 8, cursor_end: 11 });
    expect(answer('completeSigil').matches).toEqual(['%flash']);
    expect(answer('completeOption')).toMatchObject({ matches: ['randn'], cursor_start: 35, cursor_end: 39 });
    expect(answer('completeArgument')).toMatchObject({ matches: ['causal'], cursor_start: 20, cursor_end: 23 });
    const ofFlash = ['attention', 'last', 'randn', 'registerMagic', 'tidy'];
    expect(answer('completeFlash').matches).toEqual(expect.arrayContaining(ofFlash));
  });

  test('inspection in the argument and of the call around the cursor', () => {
    const option = (answer('inspectArgument').data as Content)['text/plain'];
    expect(option).toContain('heads?: number');
    expect(option).toContain('query heads');
    const call = (answer('inspectCall').data as Content)['text/plain'];
    expect(call).toMatch(/attention\(options\?: (\w+\.)?AttentionReportOptions\)/);
    expect((answer('inspectOpenCall').data as Content)['text/plain']).toContain('attention(q: ');
    expect(call).toContain('Runs FlashAttention forward and backward');
  });

  test('history', () => expect(answer('history').history).toEqual([[1, expect.any(Number), '%lsmagic']]));

  test('interrupts end a running GPU kernel, a busy loop and a wait, and leave the state', () => {
    for (const step of [
      'interruptGpu',
      'interruptCall',
      'interruptBusy',
      'interruptAfterAwait',
      'interruptByMessage',
    ] as const) {
      expect([step, error(step)?.ename]).toEqual([step, 'Interrupted']);
    }
    const bar = ofType(results.interruptGpu, 'update_display_data').at(-1)!.data as Content;
    expect(bar['text/plain']).toMatch(/stopped at \d+ %/);
    expect(error('afterCall')).toBeUndefined();
    expect(value('afterGpu')).toBe("'1,2,32,16'");
    expect(error('afterInterrupts')).toBeUndefined();
    expect(value('afterInterrupts')).toBe('33');
  });

  test('late output goes to the cell that made it', () => {
    expect(results.late.late).toMatchObject([{ type: 'stream', content: { name: 'stdout', text: 'late\n' } }]);
  });

  test('what nobody catches is shown and not fatal', () => {
    const { outputs, late } = results.rejected;
    const text = [...outputs, ...late!].map(({ content }) => String(content.text ?? '')).join('');
    expect(text).toContain('Unhandled rejection: Error: nobody caught');
    expect(text).toContain('Uncaught: Error: nor this');
    expect(value('afterRejected')).toBe('3');
  });

  test('input asks the reader, or says that it cannot', () => {
    expect(results.input.prompt).toEqual({ prompt: 'your name? ', password: false });
    expect(value('input')).toBe('5');
    expect(error('noInput').evalue).toContain('front end');
  });

  test('displays are updated in place and cleared', () => {
    const [first] = ofType(results.display, 'display_data');
    const [second] = ofType(results.display, 'update_display_data');
    expect(first).toMatchObject({ data: { 'text/html': '<b>1</b>' } });
    expect(second).toMatchObject({ data: { 'text/html': '<b>2</b>' }, transient: first!.transient });
    expect(ofType(results.display, 'clear_output')).toEqual([{ wait: true }]);
  });

  test('who subscribes to the output is welcomed', () => {
    expect(results.welcome.reply).toEqual({
      ...{ type: 'iopub_welcome', topic: 'kernel' },
      content: { subscription: 'kernel' },
    });
  });

  test('a progress bar grows in place, ends and escapes its label', () => {
    const [, first, ...rest] = results.progress.outputs;
    expect(first.type).toBe('display_data');
    expect(rest.map(({ type }) => type)).toEqual(['update_display_data']);
    const [before, after] = [first, rest[0]].map(({ content }) => content as { data: Content; transient: Content });
    expect(after.transient).toEqual(before.transient);
    expect(before.data['text/plain']).toMatch(/^<b>& \[#{15}\.{15}\] 50 %$/);
    expect(after.data['text/plain']).toMatch(/^<b>& \[#{30}\] done in [\d.]+ s$/);
    expect(after.data['text/html']).toContain('<span>&lt;b&gt;&amp;: done');
  });

  test('the handle of what is shown is not shown itself', () => {
    expect(ofType(results.progress, 'execute_result')).toEqual([]);
    expect(ofType(results.handle, 'execute_result')).toEqual([]);
    expect(ofType(results.handle, 'display_data')).toHaveLength(1);
  });

  test('what was most likely forgotten is said, and types have their own names', () => {
    expect(error('forgotten').evalue).toContain("Did you forget 'await'?");
    expect(error('sum').evalue).toContain("types 'Tensor' and 'Tensor'");
  });

  test('what the library refuses is told with the line of the cell, not with lines of the library', () => {
    const traceback = (error('refused').traceback as string[]).join('\n');
    expect(traceback).toContain('> 1 | await flash.attention(q, q');
    expect(traceback).not.toMatch(/kernel-lib|dist/);
  });

  test('imported names can be declared anew, and the other way round', () => {
    expect(value('importedNames')).toBe("'bfunction'");
    expect(value('declared')).toBe('3');
    expect(value('importedAgain')).toBe("'d'");
  });

  test('functions of an earlier cell see what a later one sets, until it declares the name anew', () => {
    expect(value('closureLater')).toBe('7');
    expect(value('closureSets')).toBe('16');
    expect(value('closureAnew')).toBe("'another8'");
    expect(value('closureAfter')).toBe("'another!,8'");
    expect(value('constantLater')).toBe("'1,6,9'");
  });

  test('of what cells gave nothing stays among the variables', () => {
    expect(value('closure')).toBe('1000000');
    // The name for the value of this cell itself is there.
    expect(value('ofCell')).toBe('1');
  });

  test('a result shows its parts and nothing of its insides', () => {
    expect(value('result')).toMatch(/^\{\s+out: Tensor f32 /);
    expect(value('result')).not.toContain('Symbol');
  });

  test('inputs that are not whole are refused', () => {
    expect(error('partly').evalue).toContain('expected { q, k, v } or nothing of it, got { q, k }');
    expect(ofType(results.partly, 'display_data')).toEqual([]);
  });

  test('comms', () => {
    expect(results.commOpen.outputs).toEqual([]);
    expect(ofType(results.commMessage, 'comm_msg')).toEqual([{ comm_id: 'c1', data: { got: 5, opened: 7 } }]);
    expect(answer('commInfo')).toEqual({ status: 'ok', comms: { c1: { target_name: 'echo' } } });
    expect(answer('commInfoAfter')).toEqual({ status: 'ok', comms: {} });
  });

  test('user expressions', () => {
    const expressions = results.expressions.reply.user_expressions as Record<string, Content>;
    expect(expressions.sum).toMatchObject({ status: 'ok', data: { 'text/plain': '2' } });
    expect(expressions.bad).toMatchObject({ status: 'error', ename: 'TypeScriptError' });
  });

  test('unsigned and malformed messages are refused, unknown requests answered', () => {
    expect(results.garbage.alive).toBe(true);
    expect(answer('unknownRequest')).toMatchObject({
      status: 'error',
      evalue: expect.stringContaining('no_such_request') as string,
    });
    expect(answer('badRequest')).toMatchObject({
      status: 'error',
      evalue: expect.stringContaining('code must be a string') as string,
    });
    expect(value('afterGarbage')).toBe('42');
  });

  test('a cell of 100 MB is answered with an error, a message sent twice is obeyed once', () => {
    expect(answer('huge')).toMatchObject({ status: 'error', ename: 'MessageTooLarge' });
    expect(results.huge.outputs.filter(({ type }) => type !== 'status')).toEqual([]);
    expect(results.huge.alive).toBe(true);
    expect(value('replayed')).toBe('1');
  });

  test('kernel_info over control', () => {
    expect(answer('control')).toMatchObject({ language_info: { name: 'typescript', file_extension: '.ts' } });
  });

  test('nbconvert runs a notebook with a magic', () => {
    const cell = (source: string): object => ({
      cell_type: 'code',
      id: `c${source.length}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    });
    const file = path.join(notebooks, 'a notebook.ipynb');
    const kernelspec = { name: 'flashlab', display_name: 'TypeScript (FlashLab)', language: 'typescript' };
    const cells = [cell(MAGIC), cell('const report = flash.last!;\nreport.ok')];
    writeFileSync(file, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
    execFileSync(python, ['-m', 'nbconvert', '--to', 'notebook', '--execute', '--inplace', file], {
      env,
      cwd: folder,
      stdio: 'pipe',
    });
    const done = JSON.parse(readFileSync(file, 'utf8')) as { cells: { outputs: { data?: Content }[] }[] };
    expect(done.cells[0]!.outputs.some((output) => output.data && 'image/svg+xml' in output.data)).toBe(true);
    expect(done.cells[1]!.outputs[0]!.data!['text/plain']).toEqual(['true']);
  }, 300_000);
});

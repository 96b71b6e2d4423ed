import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { installInto, missing, ofType, runSteps, type Content, type StepResult } from './kernel-session';

const why = missing();
const suite = why === undefined ? describe : describe.skip;

const WGSL = `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(3) fn main(@builtin(local_invocation_index) i: u32) { y[i] = 2.0 * x[i]; }`;

const cells = {
  time: '%time await Promise.resolve(6 * 7)',
  timeThrows: "%time Promise.reject(new Error('late'))",
  timeCell: '%%time\nconst list = [1, 2, 3];\nlist.length',
  capture: "%%capture kept\nconsole.log('out'); console.error('err');\ndisplay({ a: 1 });\n5",
  captured: '[kept.stdout, kept.stderr, kept.outputs.length]',
  captureThrows: "%%capture\nthrow new Error('seen')",
  who: '%who',
  cd: '%cd sub',
  back: '%cd ..\nprocess.cwd()',
  nowhere: '%cd no-such-folder',
  env: '%env FLASH_TEST_VARIABLE = two words\nprocess.env.FLASH_TEST_VARIABLE',
  envShown: '%env FLASH_TEST_VARIABLE',
  html: "%%html\n<b>it's `bold`</b>",
  markdown: '%%markdown\n# Title',
  svg: "%%svg\n<svg xmlns='http://www.w3.org/2000/svg'/>",
  run: '%run setup.ts',
  ran: 'double(fromFile)',
  runThrows: '%run broken.ts',
  runTwice: 'const y = 1;\n%run setup.ts',
  x: 'const x = flash.tensor([1, 2, 3], [3]);',
  wgsl: `%%wgsl({ bindings: { x, y: { shape: [3] } }, workgroups: 1 })\n${WGSL}`,
  written: 'await flash.written!.y!.data()',
  wgslWrong: `%%wgsl({ bindings: { x, y: { shape: [3] } }, workgroups: 1 })\n${WGSL.replace('2.0', 'two')}`,
  wgslTypes: '%%wgsl({ workgroups: 1 })\n',
  register: "flash.registerMagic({ name: 'greet', summary: 'Greets.', run: ({ args }) => `hello ${args[0]}` })",
  registered: "%greet('you')",
  registerCell:
    "flash.registerMagic({ name: 'shout', kind: 'cell', textBody: true, run: async ({ body, display }) => { await display(1); return String(body).trim().toUpperCase(); } })",
  shout: "%%shout\nquiet, it's late",
  registerTaken: "flash.registerMagic({ name: 'time', run: () => 1 })",
  registerWrong: "flash.registerMagic({ name: '%x', run: () => 1 })",
  unknown: '%gret(1)',
  help: 'flash.attention?',
  helpMagic: '?%%flash.attention',
  helpOwn: '%greet?',
  helpNone: 'no_such_name?',
  shorthand: 'const n = 4;',
  shorthandUse: '({ n, deep: { n } })',
  renamed: 'const { n: other, deep: { n: inner } } = { n: 1, deep: { n: 2 } };\nconst both = { n: 3, deep: { n: 4 } };',
  renamedLater: 'const { n: third, deep: { n: fourth = 9 } } = both;\n[other, inner, third, fourth].join()',
  shorthandError: 'const f = { n }; const s: string = n;',
  shorthandAssign: 'let m = 1;\n({ m } = { m: 7 });\nm',
  memory: '%flash.memory({ heads: 2, seq: 128, dim: 64 })',
  trace: '%flash.trace({ seq: 8, dim: 4, tiles: { br: 2, bc: 2 } })',
  ioModel: '%flash.ioModel({ seq: 64, dim: 16 })',
  check: "%flash.check({ filter: 'B1_H1_Hk1_Nq1_Nk1_D1_Dv1_seed1', algorithms: ['naive'] })",
  bench: "%flash.bench({ seqs: [16, 32], heads: 1, dim: 8, algorithms: ['naive'] })",
  report: 'flash.memory({ heads: 2, seq: 128, dim: 64 })',
  promise: 'Promise.resolve(6)',
  rejection: "Promise.reject(new Error('turned down'))",
  displayHtml:
    "display.html('<i>x</i>', { id: 'i' });\ndisplay.plotly({ data: [{ y: [1, 2] }] });\ndisplay.plotly({ data: [] }).update({ data: [{ y: [3] }] });",
  list: '%lsmagic',
  reset: '%reset\nn',
  forgotten: 'typeof n',
} as const;
type Cell = keyof typeof cells;

suite(`magics of the notebook kernel${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'flashlab magics ')));
  let results: Record<Cell, StepResult>;
  let completion: StepResult;
  const value = (cell: Cell): unknown =>
    (ofType(results[cell], 'execute_result')[0]?.data as Content | undefined)?.['text/plain'];
  const errorOf = (cell: Cell): string => {
    const [error] = ofType(results[cell], 'error');
    return error ? (error.traceback as string[]).join('\n') : 'no error';
  };
  const stdout = (cell: Cell): string =>
    ofType(results[cell], 'stream')
      .map(({ text }) => text as string)
      .join('');
  const displays = (cell: Cell): Content[] => ofType(results[cell], 'display_data').map(({ data }) => data as Content);

  beforeAll(async () => {
    const env = installInto(path.join(folder, 'prefix'));
    writeFileSync(
      path.join(folder, 'setup.ts'),
      'const fromFile: number = 21;\nfunction double(x: number) { return 2 * x; }\n',
    );
    writeFileSync(path.join(folder, 'broken.ts'), "const fine = 1;\nthrow new Error('in the file');\n");
    const names = Object.keys(cells) as Cell[];
    const steps: object[] = [
      { op: 'execute', code: "require('node:fs').mkdirSync('sub')" },
      ...names.map((name) => ({ op: 'execute', code: cells[name] })),
      { op: 'request', type: 'complete_request', content: { code: '%%sh', cursor_pos: 4 } },
    ];
    const [, ...all] = await runSteps(steps, folder, env);
    completion = all.pop()!;
    results = Object.fromEntries(names.map((name, n) => [name, all[n]])) as Record<Cell, StepResult>;
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('%time and %%time tell how long it took, and give the value', () => {
    expect(value('time')).toBe('42');
    expect(stdout('time')).toMatch(/^Wall time: [\d.]+ (µs|ms) \(CPU: user /);
    expect(errorOf('timeThrows')).toContain('late');
    expect(stdout('timeThrows')).toContain('Wall time');
    expect(value('timeCell')).toBe('3');
    expect(stdout('timeCell')).toContain('Wall time');
  });

  test('%%capture keeps what the cell puts out, but no error', () => {
    expect(results.capture.outputs.map(({ type }) => type)).toEqual(['execute_input']);
    expect(value('captured')).toBe("[ 'out\\n', 'err\\n', 2 ]");
    expect(errorOf('captureThrows')).toContain('seen');
  });

  test('%who lists variables with types and values', () => {
    const text = displays('who')[0]!['text/plain'] as string;
    expect(text).toMatch(/^list +number\[\]: \[ 1, 2, 3 \]$/m);
    expect(text).toMatch(/^kept +Captured: /m);
    expect(text).not.toContain('tsLastExpr');
  });

  test('%cd and %env', () => {
    expect(stdout('cd')).toBe(`${path.join(folder, 'sub')}\n`);
    expect(value('back')).toBe(`'${folder}'`);
    expect(errorOf('nowhere')).toContain('no-such-folder');
    expect(value('env')).toBe("'two words'");
    expect(stdout('envShown')).toBe('FLASH_TEST_VARIABLE=two words\n');
  });

  test('%%html, %%markdown and %%svg show the cell', () => {
    expect(displays('html')[0]).toEqual({ 'text/html': "<b>it's `bold`</b>", 'text/plain': "<b>it's `bold`</b>" });
    expect(displays('markdown')[0]).toMatchObject({ 'text/markdown': '# Title' });
    expect(displays('svg')[0]).toHaveProperty(['image/svg+xml']);
  });

  test('%run runs a file as the cell, with lines of its own in errors', () => {
    expect(value('ran')).toBe('42');
    expect(errorOf('runThrows')).toMatch(/> 2 \| throw new Error\('in the file'\);[^]*broken\.ts, line 2/);
    expect(errorOf('runTwice')).toContain('expected to be alone in its cell');
  });

  test('%%wgsl runs a kernel over tensors; errors have the lines of the cell', () => {
    expect(value('written')).toBe('Float32Array(3) [ 2, 4, 6 ]');
    expect(errorOf('wgslWrong')).toMatch(/^4:\d+ .*unresolved value 'two'/m);
    expect(errorOf('wgslTypes')).toContain("'bindings' is missing");
  });

  test("a reader's own magics run, are listed, completed and explained", () => {
    expect(value('registered')).toBe("'hello you'");
    expect(value('shout')).toBe(`"QUIET, IT'S LATE"`);
    expect(displays('shout')[0]).toEqual({ 'text/plain': '1' });
    expect(errorOf('registerTaken')).toContain('name: expected a name that no magic of this kernel has');
    expect(errorOf('registerWrong')).toContain("name: expected a word without %, got '%x'");
    expect(errorOf('unknown')).toContain('the nearest is %greet');
    expect(displays('helpOwn')[0]!['text/plain']).toContain('Greets.');
    expect((completion.reply.content as Content).matches).toEqual(['%%shout']);
    expect(displays('list')[0]!['text/plain']).toMatch(/^%greet +Greets\.$/m);
  });

  test('name? explains names and magics', () => {
    const help = String(displays('help')[0]!['text/markdown']);
    expect(help).toMatch(/^```typescript\nfunction attention\(q: Tensor, [^\n]*\n```\n\nScaled dot-product/);
    expect(help).toContain('\n- `q` (B,H,Nq,D), f32 or f16\n- `k` ');
    expect(help).toContain('\n\n```typescript\nconst { out, backward } = await flash.attention(');
    expect(displays('helpMagic')[0]!['text/plain']).toContain('Runs FlashAttention forward and backward');
    expect(errorOf('helpNone')).toContain('NameError: no_such_name');
  });

  test('{ x } of a variable of an earlier cell', () => {
    expect(value('shorthandUse')).toBe('{ n: 4, deep: { n: 4 } }');
    expect(value('renamedLater')).toBe("'1,2,3,4'");
    expect(errorOf('shorthandError')).toContain('line 1, column 24');
    expect(value('shorthandAssign')).toBe('7');
  });

  test.each(['memory', 'trace', 'ioModel', 'check', 'bench'] as const)(
    '%%flash.%s shows its report in parts',
    (cell) => {
      const shown = displays(cell);
      // The player of a trace stands above its tables.
      const [figure, tables] = cell === 'trace' ? [shown.at(-2), shown.at(-1)] : [shown.at(-1), shown.at(-2)];
      expect(figure).toHaveProperty(['application/vnd.plotly.v1+json']);
      expect(tables).toHaveProperty(['text/html']);
    },
  );

  test('a report that is the value of a cell shows its tables beside the figure', () => {
    expect(displays('report').at(-1)!['text/html']).toContain('<table');
    const result = ofType(results.report, 'execute_result')[0]!.data as Content;
    expect(result).toHaveProperty(['application/vnd.plotly.v1+json']);
  });

  test('a promise is shown as what it gives', () => {
    expect(value('promise')).toBe('6');
    expect(errorOf('rejection')).toMatch(/^Error: turned down\n> 1 \|/);
  });

  test('display.html and display.plotly', () => {
    expect(ofType(results.displayHtml, 'display_data')).toMatchObject([
      { data: { 'text/html': '<i>x</i>' }, transient: { display_id: 'i' } },
      { data: { 'application/vnd.plotly.v1+json': { data: [{ y: [1, 2] }], layout: {} } } },
      { data: { 'application/vnd.plotly.v1+json': { data: [], layout: {} } } },
    ]);
    expect(ofType(results.displayHtml, 'update_display_data')).toMatchObject([
      { data: { 'application/vnd.plotly.v1+json': { data: [{ y: [3] }], layout: {} } } },
    ]);
  });

  test('%reset forgets, when the cell has ended', () => {
    expect(value('reset')).toBe('4');
    expect(errorOf('forgotten')).toContain("Cannot find name 'n'");
  });
});

import { distance, parseCell, type MagicName } from '../../src/jupyter/magics/parse';
import { magics } from '../../src/jupyter/magics/registry';

const known: MagicName[] = [
  { kind: 'line', name: 'time', takes: 'expression' },
  { kind: 'line', name: 'cd', takes: 'text' },
  { kind: 'cell', name: 'capture', takes: 'name' },
  { kind: 'cell', name: 'wgsl', textBody: true },
  { kind: 'line', name: 'mine', prefix: 'user.' },
  { kind: 'cell', name: 'ours', prefix: 'user.', textBody: true },
  { kind: 'cell', name: 'flash.attention' },
  { kind: 'line', name: 'flash.device' },
  { kind: 'line', name: 'lsmagic' },
];
const code = (cell: string): string => parseCell(cell, known).code;
const problems = (cell: string): string[] => parseCell(cell, known).problems.map(({ message }) => message);

describe('cells with magics as TypeScript', () => {
  test.each([
    ['no magic', '5 % 3', '5 % 3'],
    ['cell magic', '%%flash.attention({ seq: 8 })', '$$flash.attention({ seq: 8 });'],
    ['cell magic without argument', '%%flash.attention', '$$flash.attention();'],
    ['empty argument', '%%flash.attention()\n1', '$$flash.attention();\n1'],
    ['space before the argument', '%%flash.attention ({})', '$$flash.attention ({});'],
    ['argument over lines', '%%flash.attention({\n  seq: 8,\n})\n[1]', '$$flash.attention({\n  seq: 8,\n});\n[1]'],
    [
      'brackets in texts',
      "%%flash.attention({ a: ')}', b: `)${'}'}` })",
      "$$flash.attention({ a: ')}', b: `)${'}'}` });",
    ],
    ['own semicolon', '%%flash.attention({}); // why', '$$flash.attention({}); // why'],
    ['comment behind', '%%flash.attention({}) // why', '$$flash.attention({}); // why'],
    ['comments before', '// about\n/* it */\n%%flash.attention({})', '// about\n/* it */\n$$flash.attention({});'],
    ['line magic', 'const a = 1;\n%flash.device\na', 'const a = 1;\nawait $flash.device();\na'],
    ['line magic after a line without semicolon', 'const a = 1\n  %lsmagic', 'const a = 1\n  await $lsmagic();'],
    ['remainder over lines', 'const a = b\n  % c', 'const a = b\n  % c'],
    ['remainder in brackets', 'f(a\n%lsmagic)', 'f(a\n%lsmagic)'],
    ['in a template', 'const s = `\n%lsmagic\n${1}`;', 'const s = `\n%lsmagic\n${1}`;'],
    ['in a comment', '/*\n%lsmagic\n*/', '/*\n%lsmagic\n*/'],
    ['after a regular expression', 'const r = /[/"]/;\n%lsmagic', 'const r = /[/"]/;\nawait $lsmagic();'],
    ['unfinished argument', '%%flash.attention({ se', '$$flash.attention({ se'],
    ['unfinished name', '%%flash.att', '$$flash.att'],
    ['expression', '%time f(a)\nb', 'await $time(async () => ( f(a)));\nb'],
    ['expression over lines', '%time f({\n a })  // why\nb', 'await $time(async () => ( f({\n a })  ));// why\nb'],
    ['expression and more', '%time a; b', 'await $time(async () => ( a));; b'],
    ['text', "%cd it's `here`\nb", `await $cd("it's \`here\`");            \nb`],
    ['no text', '%cd\nb', 'await $cd();\nb'],
    ['text in parentheses', "%cd('there')\nb", "await $cd('there');\nb"],
    ['a name', '%%capture out\nb', 'const out = $$capture();    \nb'],
    ['no name', '%%capture\nb', '$$capture();\nb'],
    ["a reader's own", '%mine(1)\nb', 'await $user.mine(1);\nb'],
    ["a reader's own over a text", "%%ours\nit's", '$$user.ours();\n    '],
  ])('%s', (_, cell, expected) => expect(code(cell)).toBe(expected));

  test('columns do not move in a line with a cell magic', () => {
    const cell = '%%flash.attention({ seq: 8, causal: true })\nbody';
    expect(code(cell).split('\n')[0]!.slice(0, cell.indexOf('\n')).replace('$$', '%%')).toBe(cell.split('\n')[0]);
  });

  test('the rest of a cell may be text, which has the lines of the cell', () => {
    const cell = '// about\n%%wgsl({\n  n: 1,\n})\n%no `magic\n  line 6';
    const parsed = parseCell(cell, known);
    expect(parsed.problems).toEqual([]);
    expect(parsed.code).toBe('// about\n$$wgsl({\n  n: 1,\n});\n          \n        ');
    expect(parsed.textBody).toBe('\n\n\n\n%no `magic\n  line 6');
    expect(parseCell('%%wgsl', known).textBody).toBe('');
  });

  test('places behind an argument are found again', () => {
    const cell = "const e = '😀';\n%time wrong(1)\n%cd some where\nafter";
    const { code: compiled, offsets } = parseCell(cell, known);
    for (const word of ['wrong', 'after']) {
      expect(offsets.toCell(compiled.indexOf(word))).toBe(cell.indexOf(word));
      expect(offsets.toCode(cell.indexOf(word) + 2)).toBe(compiled.indexOf(word) + 2);
    }
  });

  test.each([
    ['%time', '%time: expected an expression'],
    ['%%capture 2x', 'expected the name of a variable, got 2x'],
    ['%%flash.atention()', 'the nearest is %%flash.attention'],
    ['%flash.attention()', 'the nearest is %%flash.attention'],
    ['%%no.such.magic', 'unknown magic %%no.such.magic'],
    ['const a = 1;\n%%flash.attention()', 'must be on the first line'],
    ['%%flash.attention seq=8', 'nothing may follow but an argument in parentheses'],
    ['%%', 'unknown magic %%'],
  ])('%s is refused', (cell, message) => expect(problems(cell)[0]).toContain(message));

  test('a good cell has no problem', () => expect(problems('%%flash.attention({ seq: 8 })\n%lsmagic')).toEqual([]));
});

test('every registered magic says what it is', () => {
  for (const { usage, summary, kind, name } of magics) {
    expect(usage.startsWith((kind === 'cell' ? '%%' : '%') + name)).toBe(true);
    expect(summary).toMatch(/\.$/);
    expect(parseCell(usage, magics).problems).toEqual([]);
  }
});

test('distance counts insertions, deletions and changes', () => {
  expect(distance('kitten', 'sitting')).toBe(3);
  expect(distance('', 'abc')).toBe(3);
  expect(distance('abc', 'abc')).toBe(0);
});

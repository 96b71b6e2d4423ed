import { distance, parseCell, type MagicName } from '../../src/jupyter/magics/parse';
import { magics } from '../../src/jupyter/magics/registry';

const known: MagicName[] = [
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
  ])('%s', (_, cell, expected) => expect(code(cell)).toBe(expected));

  test('columns do not move in a line with a cell magic', () => {
    const cell = '%%flash.attention({ seq: 8, causal: true })\nbody';
    expect(code(cell).split('\n')[0]!.slice(0, cell.indexOf('\n')).replace('$$', '%%')).toBe(cell.split('\n')[0]);
  });

  test.each([
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

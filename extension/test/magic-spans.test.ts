import { magicSpans } from '../magic-spans';

/** The coloured words of a cell with their kinds. */
const words = (cell: string): [string, string][] =>
  magicSpans(cell).map(({ from, to, kind }) => [kind, cell.slice(from, to)]);

test.each<[string, [string, string][]]>([
  ['%%flash.attention({ seq: 8 })\nconst a = 5 % 3;', [['magic', '%%flash.attention']]],
  ['// about\n\n%%time\n1', [['magic', '%%time']]],
  [
    'const a = 1;\n  %flash.device\n%lsmagic',
    [
      ['magic', '%flash.device'],
      ['magic', '%lsmagic'],
    ],
  ],
  ['flash.attention?', [['magic', 'flash.attention?']]],
  ['?%%wgsl', [['magic', '?%%wgsl']]],
  ['a ? b : c', []],
  ['%%html\n%no magic', [['magic', '%%html']]],
  ['const a = b % c', []],
])('%j', (cell, expected) => expect(words(cell)).toEqual(expected));

test('WGSL below its magic, which may be long', () => {
  const cell = '%%wgsl({\n  n: 1,\n})\n// why\n@compute fn main() { var x: vec4f = 1.5f; x = y; } // for';
  expect(words(cell)).toEqual([
    ['magic', '%%wgsl'],
    ['comment', '// why'],
    ['attribute', '@compute'],
    ['keyword', 'fn'],
    ['keyword', 'var'],
    ['type', 'vec4f'],
    ['number', '1.5f'],
    ['comment', '// for'],
  ]);
});

test('spans are in order and apart', () => {
  const spans = magicSpans('%%wgsl\nfn a() -> f32 { return 0x1fu + .5; }\n/* x\n fn */ let b = array<u32, 4>();');
  spans.slice(1).forEach(({ from }, n) => expect(from).toBeGreaterThanOrEqual(spans[n].to));
});

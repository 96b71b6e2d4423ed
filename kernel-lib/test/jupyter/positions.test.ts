import { lineColumn, Offsets, offsetOf, toPoints, toUnits } from '../../src/jupyter/magics/offsets';
import { complaints, describeComplaints, spell } from '../../src/jupyter/session/diagnostics';
import { excerpt } from '../../src/jupyter/session/excerpt';

describe('offsets of a cell and of its code', () => {
  const cell = 'ab\ncd';
  const offsets = new Offsets([
    { at: 0, text: 'await ' },
    { at: 2, text: ';' },
  ]);

  test('insertions', () => expect(offsets.apply(cell)).toBe('await ab;\ncd'));

  test('every place of the cell is found again', () => {
    const code = offsets.apply(cell);
    for (let at = 0; at < cell.length; at++) {
      expect(offsets.toCell(offsets.toCode(at))).toBe(at);
      // At the very place of an insertion the cursor is before it.
      if (at !== 0 && at !== 2) expect(code[offsets.toCode(at)]).toBe(cell[at]);
    }
  });

  test('places inside an insertion are where it stands', () => {
    expect([0, 3, 6, 8, 9].map((at) => offsets.toCell(at))).toEqual([0, 0, 0, 2, 2]);
  });
});

test('code points and UTF-16 units', () => {
  const text = 'a😀b😀';
  expect([0, 1, 2, 3, 4, 9].map((points) => toUnits(text, points))).toEqual([0, 1, 3, 4, 6, 6]);
  expect([0, 1, 3, 4, 6].map((units) => toPoints(text, units))).toEqual([0, 1, 2, 3, 4]);
});

test('lines and columns', () => {
  const text = 'ab\n\ncd';
  for (let at = 0; at <= text.length; at++) {
    const { line, column } = lineColumn(text, at);
    expect(offsetOf(text, line, column)).toBe(at);
  }
  expect(lineColumn(text, 5)).toEqual({ line: 2, column: 1 });
  expect(offsetOf(text, 9, 0)).toBe(text.length);
});

describe('what TypeScript complains of', () => {
  const cell = "%lsmagic\nconst n: number = '😀' + 1;";
  const offsets = new Offsets([
    { at: 0, text: 'await ' },
    { at: 8, text: '();' },
  ]);
  const at = (offset: number) => ({ offset: offsets.toCode(offset), line: 0, character: 0 });
  const diagnostic = (start: number, end: number, messageText: string) => ({
    start: at(start),
    end: at(end),
    messageText,
    category: 1,
    code: 2322,
  });

  test('is shown with line, column and a caret of the cell', () => {
    const found = complaints([diagnostic(15, 16, 'Not so.'), diagnostic(15, 16, 'Because.')], offsets);
    expect(found).toEqual([{ message: 'Not so. (TS2322)\n  Because.', start: 15, end: 16 }]);
    const { evalue, traceback } = describeComplaints('TypeScriptError', found, cell);
    expect(evalue).toBe('line 2, column 7: Not so. (TS2322)\n  Because.');
    expect(traceback.slice(-2)).toEqual(["> 2 | const n: number = '😀' + 1;", '    |       ^']);
  });

  test('columns count characters, not UTF-16 units', () => {
    const found = complaints([diagnostic(33, 34, 'Here.')], offsets);
    expect(describeComplaints('E', found, cell).evalue).toBe('line 2, column 24: Here. (TS2322)');
  });

  test('names magics as the reader wrote them', () => {
    expect(spell("'$$flash' and $flash.device and $lsmagic, $other")).toBe(
      "'%%flash' and %flash.device and %lsmagic, $other",
    );
  });
});

test('an excerpt shows two lines around and keeps tabs', () => {
  expect(excerpt('1\n2\n\tthree\n4\n5\n6', 3, 2, 5)).toBe(
    '  1 | 1\n  2 | 2\n> 3 | \tthree\n    | \t^^^^^\n  4 | 4\n  5 | 5',
  );
});

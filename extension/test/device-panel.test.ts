import { formatBytes, formatMs } from '../device-panel/format';
import { curveOf } from '../device-panel/sparkline';

describe('numbers in the panel', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [5_242_880, '5 MiB'],
    [1_234_567_890, '1.15 GiB'],
    [2 ** 50, '1,020 TiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [0, '0 ms'],
    [0.04567, '0.0457 ms'],
    [123.4, '123 ms'],
    [999.4, '999 ms'],
    [6112, '6.11 s'],
  ])('%d ms are %s', (ms, text) => expect(formatMs(ms)).toBe(text));
});

describe('the curve of memory', () => {
  const box = { end: 1000, span: 100, top: 10, width: 200, height: 50 };

  test('is a line at the bottom without samples', () => {
    expect(curveOf([], box)).toEqual({ line: 'M0 50H200', area: 'M0 50H200V50H0Z' });
  });

  test('steps at each change, from what was in use at the left edge', () => {
    const samples: [number, number][] = [
      [500, 7],
      [850, 2],
      [950, 10],
      [975, 0],
    ];
    expect(curveOf(samples, box).line).toBe('M0 40H100V0H150V50H200');
  });

  test('does not leave its box where clocks differ a little', () => {
    expect(curveOf([[1010, 10]], box).line).toBe('M0 50H200V0H200');
  });

  test('is flat when there never was any memory', () => {
    expect(curveOf([[950, 0]], { ...box, top: 0 }).line).toBe('M0 50H200');
  });
});

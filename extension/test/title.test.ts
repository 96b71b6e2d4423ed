import { fileName, titleOf } from '../figures/title';

describe('titleOf', () => {
  test.each([
    ['plain text', 'Speed', 'Speed'],
    ['markup', '<b>Speed</b><br>on <i>this</i> device', 'Speed on this device'],
    ['entities, each read once', 'a &lt; b &amp;lt; c &#233; &unknown;', 'a < b &lt; c é &unknown;'],
    ['a character that there is not', 'a &#9999999; b', 'a &#9999999; b'],
    ['signs that are no markup', 'N < 5 > 3', 'N < 5 > 3'],
  ])('%s', (_, text, title) => {
    expect(titleOf({ title: { text } })).toBe(title);
  });

  test('a title may be a plain text', () => expect(titleOf({ title: 'mine' })).toBe('mine'));

  test.each([[undefined], [{}], [{ title: { text: 3 } }], [{ title: null }]])('a layout %j has no title', (layout) => {
    expect(titleOf(layout)).toBe('');
  });
});

describe('fileName', () => {
  test.each([
    ['Attention weights: head 0', 'Attention-weights-head-0'],
    ['../../etc/passwd', 'etc-passwd'],
    ['Größe 注意', 'Größe-注意'],
    ['a'.repeat(100), 'a'.repeat(80)],
    ['…', 'flashlab-figure'],
    ['', 'flashlab-figure'],
  ])('%s', (title, name) => {
    expect(fileName(title)).toBe(name);
  });
});

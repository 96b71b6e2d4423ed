import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const sources = path.join(__dirname, '..');
const locales = path.join(sources, 'python', 'jupyterlab_flashlab', 'locale');

/** The texts that the extension hands to the translator, each a literal. */
function translated(): Set<string> {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.tsx?$/.test(name) && !name.startsWith('test'),
  );
  const texts = new Set<string>();
  for (const file of files) {
    const code = readFileSync(path.join(sources, file), 'utf8');
    for (const [, literal] of code.matchAll(/\btrans\.__\(\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")?/g)) {
      if (!literal) throw new Error(`${file}: trans.__ takes a literal, so that it can be found here.`);
      texts.add(literal.slice(1, -1).replace(/\\(.)/g, '$1'));
    }
  }
  return texts;
}

const places = (text: string): string[] => (text.match(/%\d/g) ?? []).sort();

describe.each(readdirSync(locales))('the catalogue of %s', (locale) => {
  const file = path.join(locale, 'LC_MESSAGES', 'jupyterlab_flashlab.json');
  const { '': header, ...entries } = JSON.parse(readFileSync(path.join(locales, file), 'utf8')) as Record<
    string,
    string[]
  >;

  test('says what it is', () => {
    expect(header).toMatchObject({ domain: 'jupyterlab_flashlab', language: locale.replace('_', '-') });
  });

  test('has every text of the extension, and no other', () => {
    expect(Object.keys(entries).sort()).toEqual([...translated()].sort());
  });

  test('keeps the places of values', () => {
    for (const [text, forms] of Object.entries(entries)) {
      expect(forms).toHaveLength(1);
      expect({ text, places: places(forms[0]) }).toEqual({ text, places: places(text) });
    }
  });
});

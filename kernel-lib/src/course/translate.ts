/** The languages of the course. */
export type Language = 'en' | 'zh';

/** Texts by their English. */
export type Catalogue = Readonly<Record<string, string>>;

/** Gives a text in the language of the reader, with the values in the places of %1, %2, … */
export type Translate = (text: string, ...values: unknown[]) => string;

/** Texts that the catalogue lacks stay English. */
export const translator =
  (catalogue: Catalogue): Translate =>
  (text, ...values) =>
    (catalogue[text] ?? text).replace(/%(\d)/g, (_, n: string) => String(values[Number(n) - 1]));

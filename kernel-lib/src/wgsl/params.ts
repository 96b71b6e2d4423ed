/**
 * The uniform block of a kernel: names, types and values in one place, so that the struct in WGSL and the bytes cannot
 * disagree. A number is a u32, `{ f32 }` a float, four numbers a vec4u. Every block begins with `first`, the number of the
 * first workgroup of a dispatch, by which long work is cut into slices, and `zero`, which is 0 (see `bound` in tiles.ts).
 */
export type ParamValue = number | { readonly f32: number } | readonly [number, number, number, number];
export type Params = Readonly<Record<string, ParamValue>>;

const typeOf = (value: ParamValue): string =>
  typeof value === 'number' ? 'u32' : 'f32' in (value as object) ? 'f32' : 'vec4u';

/** 0 to n - 1, for text that is written out for each of them. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** WGSL text that is only there if `on`. */
export const when = (on: boolean, text: string): string => (on ? text : '');

/** The block as WGSL: `struct Params { first: u32, … }`. */
export function paramsStruct(params: Params): string {
  const fields = Object.entries(params).map(([name, value]) => `  ${name}: ${typeOf(value)},`);
  return `struct Params {\n  first: u32,\n  zero: u32,\n${fields.join('\n')}\n}`;
}

/** The block as bytes, for the slice that begins at workgroup `first`. */
export function packParams(params: Params, first: number): ArrayBuffer {
  const words: ((view: DataView, offset: number) => void)[] = [
    (view, offset) => view.setUint32(offset, first, true),
    () => undefined,
  ];
  for (const value of Object.values(params)) {
    if (typeof value === 'number') words.push((view, offset) => view.setUint32(offset, value, true));
    else if ('f32' in value) words.push((view, offset) => view.setFloat32(offset, value.f32, true));
    else {
      // A vec4u starts at a multiple of 16 bytes.
      while (words.length % 4 !== 0) words.push(() => undefined);
      for (const part of value) words.push((view, offset) => view.setUint32(offset, part, true));
    }
  }
  const bytes = new ArrayBuffer(Math.ceil(words.length / 4) * 16);
  const view = new DataView(bytes);
  words.forEach((write, i) => write(view, 4 * i));
  return bytes;
}

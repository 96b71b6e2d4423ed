import { range } from './params';

/**
 * Register tiles: the two matrix products that every attention kernel here is made of, as WGSL text.
 *
 * A workgroup keeps `own` rows (queries in the forward and dQ, keys in dK/dV) and walks over the other side `step` rows at
 * a time. Thread (x, y) of tx * ty owns, of the own x step matrix of scores, the rows y*rm .. y*rm + rm - 1 and the columns
 * 4x .. 4x + 3 (plus 4*sx for each further group of four), and of an own x width result the same rows and the vec4 columns
 * x, x + tx, … All of it lives in named variables, so that no private array is indexed at run time: drivers that run on a
 * CPU turn such an index into a gather. Loops over D and over the step stay loops: unrolled, they take minutes to compile.
 *
 * Row r of a staged step tile lies in slot (r % 4) * (step / 4) + r / 4: the four columns of a thread are then step/4 slots
 * apart and neighbouring threads read neighbouring rows, which keeps GPU memory banks free of conflicts.
 */
export interface TileShape {
  /** Rows that stay, and rows of one step: capacities in registers and workgroup memory. */
  readonly own: number;
  readonly step: number;
  /** Threads along the columns of a result, and along the rows. */
  readonly tx: number;
  readonly ty: number;
  /** How many of the tx threads share the columns of a step; the others compute along with them and keep nothing. */
  readonly sx: number;
  /** The workgroup is exactly one subgroup, and ty is 1: rows and maxima then pass from lane to lane. */
  readonly subgroup: boolean;
  /**
   * The tx threads of a row are neighbours in a subgroup of this many lanes, and hand its maxima and sums round; 0 where they go through workgroup
   * memory. Threads are then counted by the subgroup that they are in, whatever order the driver gives them.
   */
  readonly shuffle: number;
  /**
   * Components of a vec4 that one turn of an inner loop takes. Four on a GPU. One where loads are compiled lane by lane and
   * component by component anyway: the same work in a quarter of the code, and so of the time to compile.
   */
  readonly unroll: 1 | 4;
}

/** Rows of a thread. */
export const rowsPerThread = (t: TileShape): number => t.own / t.ty;
/** Score columns of a thread, a multiple of 4. */
export const columnsPerThread = (t: TileShape): number => t.step / t.sx;

/** Length of a row of `size` numbers in vec4s. */
export const vec4s = (size: number): number => Math.ceil(size / 4);
/** Vec4 columns of a result row once every thread has as many. */
export const paddedVec4s = (size: number, tx: number): number => Math.ceil(vec4s(size) / tx) * tx;
/** Distance of two rows in workgroup memory, in vec4s: odd, so that rows start in different banks. */
export const stageStride = (size: number, tx: number): number => paddedVec4s(size, tx) | 1;
/** Distance of two rows of the own x step matrix in workgroup memory, in vec4s. */
export const weightStride = (t: TileShape): number => (t.step / 4) | 1;

/** Text for every score of a thread: row r of its rows, column c of its columns. */
export function eachScore(t: TileShape, f: (r: number, c: number) => string): string {
  return range(rowsPerThread(t))
    .map((r) =>
      range(columnsPerThread(t))
        .map((c) => f(r, c))
        .join(' '),
    )
    .join('\n');
}

export function eachRow(t: TileShape, f: (r: number) => string): string {
  return range(rowsPerThread(t)).map(f).join('\n');
}

/** Step column of the thread's c-th score: 4 sx + c % 4, one group of 4 t.sx further for every four. */
export const columnOf = (t: TileShape, c: number): string => `(sx * 4u + ${Math.floor(c / 4) * 4 * t.sx + (c % 4)}u)`;

/** Slot of that column in a staged step tile. */
const slotOf = (t: TileShape, c: number): string => `(sx + ${(c % 4) * (t.step / 4) + Math.floor(c / 4) * t.sx}u)`;

/**
 * `let prefix_r` for every row of a thread: vec4 `column` of row r of a workgroup array. All lanes want the same rows, so in a
 * subgroup each lane loads one and hands it round: CPU drivers load lane by lane, which costs far more than a broadcast.
 */
function loadRows(t: TileShape, prefix: string, array: string, stride: number, column: string): string {
  const load = (row: string): string => component(t, `${array}[${row} * ${stride}u + ${column}]`);
  if (!t.subgroup) return eachRow(t, (r) => `let ${prefix}${r} = ${load(`(y0 + ${r}u)`)};`);
  const loads = range(Math.ceil(t.own / t.tx)).map(
    (g) => `let ${prefix}_${g} = ${load(`min(x + ${g * t.tx}u, ${t.own - 1}u)`)};`,
  );
  const shares = eachRow(
    t,
    (r) => `let ${prefix}${r} = subgroupBroadcast(${prefix}_${Math.floor(r / t.tx)}, ${r % t.tx}u);`,
  );
  return `${loads.join('\n')}\n${shares}`;
}

/** The part of a staged vec4 that one turn of an inner loop takes. */
const component = (t: TileShape, vec4: string): string => (t.unroll === 4 ? vec4 : `${vec4}[e]`);

/**
 * The bound of a loop. Compilers of CPU drivers unroll a loop whose length they know, which makes seconds of compilation into
 * minutes and nothing faster; adding a zero that only the uniform block knows keeps it a loop.
 */
export const bound = (t: TileShape, count: number): string =>
  t.unroll === 4 ? `${count}u` : `(${count}u + params.zero)`;

/** An inner loop over the vec4s from `begin` up to `end`, named `name`, or over their components e. */
const innerLoop = (t: TileShape, name: string, begin: string, end: string): string =>
  t.unroll === 4
    ? `for (var ${name} = ${begin}; ${name} < ${end}; ${name}++) {`
    : `for (var n = 4u * ${begin}; n < 4u * (${end}) + params.zero; n++) {\nlet ${name} = n >> 2u;\nlet e = n & 3u;`;

/**
 * Numbers that a product adds up one by one before their sum goes to that of all: such a sum is rounded half as much as a chain of a whole row, and
 * costs an addition where dot(), compiled, costs four. lanes.ts and delta.ts add likewise.
 */
export const CHAIN = 16;

/**
 * name_r_c = sum over D of own[row r] * step[column c]: S = Q K^T and its relatives.
 * @param own, step  names of the staged arrays; `size` the length of their rows
 */
export function innerProducts(t: TileShape, name: string, own: string, step: string, size: number): string {
  const stride = stageStride(size, t.tx);
  const columns = range(columnsPerThread(t));
  const parts = t.unroll === 4 ? ['.x', '.y', '.z', '.w'] : [''];
  const chain = (sum: string, r: number, c: number): string =>
    `${sum} = ${parts.reduce((inner, e) => `fma(a${r}${e}, b${c}${e}, ${inner})`, sum)};`;
  const most = CHAIN / 4;
  const isWhole = vec4s(size) % most === 0;
  return `
${eachScore(t, (r, c) => `var ${name}_${r}_${c} = 0.0;`)}
for (var d0 = 0u; d0 < ${bound(t, vec4s(size))}; d0 += ${most}u) {
${eachScore(t, (r, c) => `var sum_${r}_${c} = 0.0;`)}
${innerLoop(t, 'd', 'd0', isWhole ? `d0 + ${most}u` : `min(d0 + ${most}u, ${vec4s(size)}u)`)}
${columns.map((c) => `let b${c} = ${component(t, `${step}[${slotOf(t, c)} * ${stride}u + d]`)};`).join('\n')}
${loadRows(t, 'a', own, stride, 'd')}
${eachScore(t, (r, c) => chain(`sum_${r}_${c}`, r, c))}
}
${eachScore(t, (r, c) => `${name}_${r}_${c} += sum_${r}_${c};`)}
}`;
}

/** Vec4 columns of a thread in a result of rows of `size`. */
export const resultColumns = (t: TileShape, size: number): number => paddedVec4s(size, t.tx) / t.tx;

/** Text for every vec4 of a thread's result. */
export function eachResult(t: TileShape, size: number, f: (r: number, c: number) => string): string {
  return eachRow(t, (r) =>
    range(resultColumns(t, size))
      .map((c) => f(r, c))
      .join(' '),
  );
}

export const declareResult = (t: TileShape, name: string, size: number): string =>
  eachResult(t, size, (r, c) => `var ${name}_${r}_${c} = vec4f();`);

/** name += weights * step: acc += P V and its relatives; `weights` is the own x step matrix in workgroup memory. */
export function accumulate(t: TileShape, name: string, weights: string, step: string, size: number): string {
  const stride = stageStride(size, t.tx);
  const sum = (r: number, c: number): string => {
    const acc = `${name}_${r}_${c}`;
    if (t.unroll === 1) return `${acc} = fma(vec4f(w${r}), v, ${acc});`;
    return `${acc} = ${range(4).reduce((inner, e) => `fma(vec4f(w${r}[${e}]), v${e}, ${inner})`, acc)};`;
  };
  const column = (c: number): string => {
    const load = (slot: string): string => `${step}[${slot} * ${stride}u + x + ${c * t.tx}u]`;
    const rows =
      t.unroll === 1
        ? `let v = ${load(`(j + e * ${t.step / 4}u)`)};`
        : range(4)
            .map((e) => `let v${e} = ${load(`(j + ${e * (t.step / 4)}u)`)};`)
            .join('\n');
    return `{\n${rows}\n${eachRow(t, (r) => sum(r, c))}\n}`;
  };
  return `
${innerLoop(t, 'j', '0u', `${t.step / 4}u`)}
${loadRows(t, 'w', weights, weightStride(t), 'j')}
${range(resultColumns(t, size)).map(column).join('\n')}
}`;
}

/** Writes the thread's scores `value(r, c)` into the own x step matrix `weights`. */
export function storeWeights(t: TileShape, weights: string, value: (r: number, c: number) => string): string {
  const stores = eachRow(t, (r) =>
    range(columnsPerThread(t) / 4)
      .map((g) => {
        const four = range(4).map((e) => value(r, 4 * g + e));
        return `${weights}[(y0 + ${r}u) * ${weightStride(t)}u + sx + ${g * t.sx}u] = vec4f(${four.join(', ')});`;
      })
      .join(' '),
  );
  return t.sx < t.tx ? `if (x < ${t.sx}u) {\n${stores}\n}` : stores;
}

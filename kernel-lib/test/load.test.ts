import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as flash from '../src/node';

const folder = mkdtempSync(path.join(os.tmpdir(), 'flash-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file into the test's folder; its path. */
function fileOf(name: string, bytes: Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

const bytesOf = (array: ArrayBufferView): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

const contentOf = async (t: flash.Tensor): Promise<unknown> => [t.dtype, t.shape, [...(await t.data())]];

const refusal = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ name: 'FlashError', code, message: expect.stringMatching(message) });

// Written by NumPy 2.4.
const NUMPY: [string, string, unknown[]][] = [
  [
    'float32',
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/AAAAwAAAQEA=',
    ['f32', [1, 3], [1.5, -2, 3]],
  ],
  [
    'float16, column-major',
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPABEAEAARQBCAEY=',
    ['f16', [2, 3], [1, 2, 3, 4, 5, 6]],
  ],
  [
    'float32, big-endian, version 2',
    'k05VTVBZAgB0AAAAeydkZXNjcic6ICc+ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo/gAAAwCAAAA==',
    ['f32', [2], [1, -2.5]],
  ],
  [
    'int16, big-endian, column-major, version 3',
    'k05VTVBZAwB0AAAAeydkZXNjcic6ICc+aTInLCAnZm9ydHJhbl9vcmRlcic6IFRydWUsICdzaGFwZSc6ICgyLCAzLCAyKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAGAAIACAAEAAoAAQAHAAMACQAFAAs=',
    ['f32', [2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
  ],
  [
    'bool',
    'k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDEpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAE=',
    ['bool', [3, 1], [1, 0, 1]],
  ],
  [
    'a single int64',
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr5/////////w==',
    ['f32', [], [-7]],
  ],
  [
    'float64',
    'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqamZmZmZm5PwAAAAAAAPD/',
    ['f32', [2], [Math.fround(0.1), -Infinity]],
  ],
];

/** A .npy file with a header of one's own. */
function npy(descr: string, shape: string, data: ArrayBufferView, version = 1): Buffer {
  const header = Buffer.from(`{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }\n`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([
    Buffer.from([0x93]),
    Buffer.from('NUMPY'),
    Buffer.from([version, 0]),
    length,
    header,
    bytesOf(data),
  ]);
}

describe('.npy', () => {
  test.each(NUMPY)('%s', async (_, base64, expected) => {
    const loaded = await flash.load(Buffer.from(base64, 'base64'));
    expect(await contentOf(loaded as flash.Tensor)).toEqual(expected);
  });

  test.each<[string, ArrayBufferView, number[], flash.DType]>([
    ['|i1', Int8Array.of(-128, 127), [-128, 127], 'i8'],
    ['|u1', Uint8Array.of(0, 255), [0, 255], 'f32'],
    ['<i2', Int16Array.of(-32768, 32767), [-32768, 32767], 'f32'],
    ['<u2', Uint16Array.of(65535, 1), [65535, 1], 'f32'],
    ['<i4', Int32Array.of(-(2 ** 31), 2 ** 24), [-(2 ** 31), 2 ** 24], 'f32'],
    ['<u4', Uint32Array.of(2 ** 31, 3), [2 ** 31, 3], 'f32'],
    ['<i8', BigInt64Array.of(-(2n ** 63n), 2n ** 40n), [-(2 ** 63), 2 ** 40], 'f32'],
    ['<u8', BigUint64Array.of(2n ** 63n, 0n), [2 ** 63, 0], 'f32'],
  ])('numbers of type %s', async (descr, data, numbers, dtype) => {
    const t = (await flash.load(npy(`'${descr}'`, '(2,)', data))) as flash.Tensor;
    expect(await contentOf(t)).toEqual([dtype, [2], numbers]);
  });

  const four = new Float32Array(4);
  test.each<[string, Buffer, string, RegExp]>([
    ['a text', npy("'<U3'", '(1,)', four), 'DTYPE', /^load a Uint8Array: expected numbers of type b1, i1, .*got '<U3'/],
    ['complex numbers', npy("'<c8'", '(2,)', four), 'DTYPE', /got '<c8'/],
    ['objects', npy("'|O'", '(2,)', four), 'DTYPE', /got '\|O'/],
    ['records', npy("[('x', '<f4')]", '(4,)', four), 'DTYPE', /got a structured type/],
    [
      'a shape without end',
      npy("'<f4'", '(4', four),
      'INVALID_ARGUMENT',
      /expected a header with descr, fortran_order and shape/,
    ],
    [
      'a shape beyond all',
      npy("'<f4'", '(99999, 99999)', four),
      'INVALID_ARGUMENT',
      /at most 2\^31 elements, got \[99999, 99999\]/,
    ],
    [
      'too few numbers',
      npy("'<f4'", '(5,)', four),
      'INVALID_ARGUMENT',
      /expected 20 bytes of numbers for shape \(5\), got 16/,
    ],
    ['too many', npy("'<f4'", '(3,)', four), 'INVALID_ARGUMENT', /expected 12 bytes .*got 16/],
    [
      'version 9',
      npy("'<f4'", '(4,)', four, 9),
      'INVALID_ARGUMENT',
      /expected version 1, 2 or 3 of the .npy format, got 9.0/,
    ],
    [
      'half a header',
      npy("'<f4'", '(4,)', four).subarray(0, 40),
      'INVALID_ARGUMENT',
      /ends within its header, after 40 bytes/,
    ],
    ['nothing but the magic', npy("'<f4'", '(4,)', four).subarray(0, 7), 'INVALID_ARGUMENT', /ends within its header/],
    [
      '2^24 + 1',
      npy("'<i4'", '(2,)', Int32Array.of(0, 2 ** 24 + 1)),
      'INVALID_ARGUMENT',
      /float32 holds exactly, got 16777217 at index 1/,
    ],
    [
      '2^53 + 1',
      npy("'<i8'", '(1,)', BigInt64Array.of(2n ** 53n + 1n)),
      'INVALID_ARGUMENT',
      /got 9007199254740993 at index 0/,
    ],
    [
      '2^64 - 1',
      npy("'<u8'", '(1,)', BigUint64Array.of(2n ** 64n - 1n)),
      'INVALID_ARGUMENT',
      /got 18446744073709551615 at/,
    ],
    [
      '1e300',
      npy("'<f8'", '(1,)', Float64Array.of(1e300)),
      'INVALID_ARGUMENT',
      /range of float32, got 1e\+300 at index 0/,
    ],
    ['a zip archive', Buffer.from('PK\x03\x04 and more'), 'INVALID_ARGUMENT', /a \.npz holds \.npy files/],
    ['nothing at all', Buffer.alloc(0), 'INVALID_ARGUMENT', /the file is empty/],
    ['something else', Buffer.from('hello, here I am'), 'INVALID_ARGUMENT', /got something else/],
  ])('refused: %s', async (_, bytes, code, message) => {
    await expect(flash.load(bytes)).rejects.toEqual(refusal(code, message));
  });
});

type Entries = Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>;

function safetensors(header: Entries | string, data: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

describe('.safetensors', () => {
  test('every type of numbers, at any alignment', async () => {
    const parts: [string, ArrayBufferView, flash.DType, number[]][] = [
      ['BOOL', Uint8Array.of(1, 0, 1), 'bool', [1, 0, 1]],
      ['F32', Float32Array.of(0.5, -Infinity, 2 ** -149), 'f32', [0.5, -Infinity, 2 ** -149]],
      ['F16', Uint16Array.of(0x3c00, 0xfc00, 1), 'f16', [1, -Infinity, 2 ** -24]],
      ['BF16', Uint16Array.of(0x3f80, 0xff80, 1), 'f32', [1, -Infinity, 2 ** -133]],
      ['I8', Int8Array.of(-1, 2, 3), 'i8', [-1, 2, 3]],
      ['F64', Float64Array.of(0.1, 2, 3), 'f32', [Math.fround(0.1), 2, 3]],
      ['U8', Uint8Array.of(255, 2, 3), 'f32', [255, 2, 3]],
      ['I16', Int16Array.of(-1, 2, 3), 'f32', [-1, 2, 3]],
      ['U16', Uint16Array.of(65535, 2, 3), 'f32', [65535, 2, 3]],
      ['I32', Int32Array.of(-1, 2, 3), 'f32', [-1, 2, 3]],
      ['U32', Uint32Array.of(1, 2, 3), 'f32', [1, 2, 3]],
      ['I64', BigInt64Array.of(-1n, 2n, 3n), 'f32', [-1, 2, 3]],
      ['U64', BigUint64Array.of(1n, 2n, 3n), 'f32', [1, 2, 3]],
    ];
    const header: Entries = {};
    let at = 0;
    for (const [dtype, data] of parts) {
      header[`of ${dtype}`] = { dtype, shape: [3, 1], data_offsets: [at, (at += data.byteLength)] };
    }
    const file = safetensors(header, Buffer.concat(parts.map(([, data]) => bytesOf(data))));
    const loaded = (await flash.load(file)) as Record<string, flash.Tensor>;
    expect(Object.keys(loaded)).toEqual(Object.keys(header));
    for (const [dtype, , stored, numbers] of parts) {
      expect(await contentOf(loaded[`of ${dtype}`])).toEqual([stored, [3, 1], numbers]);
    }
  });

  test('a real file: attention of a language model is what that model computed', async () => {
    const file = path.join(__dirname, '../../notebooks/data/minilm-alice.safetensors');
    const loaded = await flash.load(file as `${string}.safetensors`);
    expect(Object.keys(loaded).sort()).toEqual(
      ['layer0', 'layer3'].flatMap((layer) => ['k', 'out', 'q', 'v'].map((part) => `${layer}.${part}`)),
    );
    const { out } = await flash.attention(loaded['layer3.q'], loaded['layer3.k'], loaded['layer3.v'], {
      algorithm: 'reference',
    });
    expect(out.shape).toEqual([1, 12, 134, 32]);
    const [ours, theirs] = await Promise.all([out.data(), loaded['layer3.out'].data()]);
    const worst = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i])), 0);
    expect(worst).toBeLessThan(2e-5);
    expect(theirs.some((value) => Math.abs(value) > 0.5)).toBe(true);
  });

  test('metadata is skipped, an empty tensor and odd names are none the worse', async () => {
    const text = `{"__metadata__":{"words":"[]"},"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"none":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]}}  `;
    const loaded = (await flash.load(safetensors(text, new Uint8Array(4)))) as Record<string, flash.Tensor>;
    expect(Object.keys(loaded)).toEqual(['__proto__', 'none']);
    expect(await contentOf(loaded.none)).toEqual(['f32', [0, 3], []]);
  });

  const f32 = (begin: number, end: number): Entries[string] => ({
    dtype: 'F32',
    shape: [1],
    data_offsets: [begin, end],
  });
  const entry = (part: object): Buffer => safetensors({ t: { ...f32(0, 4), ...part } }, new Uint8Array(4));
  test.each<[string, Buffer, string, RegExp]>([
    [
      'a cut-off header',
      safetensors({ t: f32(0, 4) }).subarray(0, 20),
      'INVALID_ARGUMENT',
      /the file of 20 bytes ends before the header does/,
    ],
    ['a header that is no JSON', safetensors('{"a":1'), 'INVALID_ARGUMENT', /expected a header in JSON/],
    [
      'a cut-off file',
      safetensors({ a: f32(0, 4), b: f32(4, 8) }, new Uint8Array(7)),
      'INVALID_ARGUMENT',
      /^load a Uint8Array, b: .*but the file has only/,
    ],
    [
      'overlaps',
      safetensors({ a: f32(0, 4), b: f32(2, 6) }, new Uint8Array(6)),
      'INVALID_ARGUMENT',
      /, b: its bytes overlap/,
    ],
    [
      'a gap',
      safetensors({ a: f32(0, 4), b: f32(5, 9) }, new Uint8Array(9)),
      'INVALID_ARGUMENT',
      /, b: there are 1 bytes before it/,
    ],
    [
      'bytes left over',
      safetensors({ a: f32(0, 4) }, new Uint8Array(6)),
      'INVALID_ARGUMENT',
      /there are 2 bytes at its end/,
    ],
    ['a type that is none', entry({ dtype: 'F8_E4M3' }), 'DTYPE', /, t: expected a dtype of BOOL, .*got 'F8_E4M3'/],
    ['no type', entry({ dtype: undefined }), 'DTYPE', /got undefined/],
    [
      'a shape that is none',
      entry({ shape: [-1] }),
      'INVALID_ARGUMENT',
      /expected a shape of whole numbers.*got \[-1\]/,
    ],
    [
      'another size',
      entry({ shape: [2] }),
      'INVALID_ARGUMENT',
      /expected 8 bytes for F32 \(2\), got the range \[0, 4\]/,
    ],
    [
      'no range',
      entry({ data_offsets: [0] }),
      'INVALID_ARGUMENT',
      /expected data_offsets of two whole numbers, got \[0\]/,
    ],
    [
      'negative offsets',
      entry({ data_offsets: [-4, 0] }),
      'INVALID_ARGUMENT',
      /expected data_offsets of two whole numbers/,
    ],
    ['an entry that is none', safetensors('{"t":7}'), 'DTYPE', /, t: expected a dtype/],
  ])('refused: %s', async (_, bytes, code, message) => {
    await expect(flash.load(bytes)).rejects.toEqual(refusal(code, message));
  });
});

describe('where a file comes from', () => {
  const bytes = npy("'<f4'", '(2,)', Float32Array.of(1, 2));
  const expected = ['f32', [2], [1, 2]];

  test('a path, a file URL, a Blob, an ArrayBuffer, a part of a larger buffer', async () => {
    const file = fileOf('two.npy', bytes);
    const larger = Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(3)]);
    const sources = [
      file,
      pathToFileURL(file),
      String(pathToFileURL(file)),
      new Blob([new Uint8Array(bytes)]),
      new Uint8Array(bytes).buffer,
      larger.subarray(3, 3 + bytes.length),
    ];
    for (const source of sources) expect(await contentOf((await flash.load(source)) as flash.Tensor)).toEqual(expected);
    // What was loaded is a copy.
    const t = (await flash.load(larger.subarray(3, 3 + bytes.length))) as flash.Tensor;
    larger.fill(0);
    expect(await contentOf(t)).toEqual(expected);
  });

  test('a web address', async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/two.npy' ? 200 : 404;
      response.end(bytes);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await contentOf(await flash.load(`${address}/two.npy`))).toEqual(expected);
      expect(await contentOf((await flash.load(new URL(`${address}/two.npy`))) as flash.Tensor)).toEqual(expected);
      await expect(flash.load(`${address}/three.npy`)).rejects.toEqual(
        refusal('INVALID_ARGUMENT', /^load http:.*three\.npy: it cannot be fetched: the server answered 404 Not Found/),
      );
    } finally {
      server.close();
    }
    await expect(flash.load(`${address}/two.npy`)).rejects.toEqual(refusal('INVALID_ARGUMENT', /it cannot be fetched/));
  });

  test('a missing file, a folder and what is no source are told by name', async () => {
    const missing = path.join(folder, 'absent.npy');
    await expect(flash.load(missing)).rejects.toEqual(
      refusal('INVALID_ARGUMENT', /^load .*absent\.npy: there is no such file, looked for \/.*absent\.npy/),
    );
    await expect(flash.load(folder)).rejects.toEqual(refusal('INVALID_ARGUMENT', /: it is no file/));
    await expect(flash.load(fileOf('empty.safetensors', new Uint8Array()))).rejects.toEqual(
      refusal('INVALID_ARGUMENT', /empty\.safetensors: the file is empty/),
    );
    await expect(flash.load(fileOf('wrong.npy', Buffer.from('{}')))).rejects.toEqual(
      refusal('INVALID_ARGUMENT', /wrong\.npy: expected a \.npy file, which begins with/),
    );
    await expect(flash.load(fileOf('short.safetensors', Buffer.alloc(5)))).rejects.toEqual(
      refusal('INVALID_ARGUMENT', /short\.safetensors: expected a \.safetensors file.*of 5 bytes/),
    );
    await expect(flash.load(7 as never)).rejects.toEqual(refusal('INVALID_ARGUMENT', /^file: expected a path.*got 7/));
  });

  test('tidy frees what was loaded inside', async () => {
    let inside: flash.Tensor | undefined;
    await flash.tidy(async () => {
      inside = (await flash.load(bytes)) as flash.Tensor;
    });
    expect(inside?.disposed).toBe(true);
  });
});

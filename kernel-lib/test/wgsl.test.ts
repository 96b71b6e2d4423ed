import { defaultDevice } from '../src/device/default-device';
import * as flash from '../src/node';
import { readSource } from '../src/api/wgsl-source';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';
import { nextSubmit } from './support/next-submit';

const SCALE = `
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> y: array<f32>;
  override factor = 2.0;
  @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&y)) { y[id.x] = factor * x[id.x]; }
  }`;

/** Brings `x` to the device. */
const onDevice = async (x: flash.Tensor): Promise<void> => {
  const { y } = await flash.wgsl(SCALE, { bindings: { x, y: x }, workgroups: 1 });
  y?.dispose();
};

const numbers = async (t: flash.Tensor | undefined): Promise<number[]> => [...(await t!.data())];

const refusal = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ name: 'FlashError', code, message: expect.stringMatching(message) });

describe('what is read from the text of a kernel', () => {
  test('variables and functions, whatever stands between', () => {
    const source = `
      // @group(0) @binding(7) var<storage> commented: array<f32>;
      /* @group(0) /* nested */ @binding(8) var<storage> this_too: array<f32>; */
      @binding(0x2u,)
      @group ( 0 ) var < storage , read_write > größe/**/: array<f32>;@group(0)@binding(1)var<storage>b:u32;
      var<workgroup> tile: array<f32, 4>;
      const text = 1; // "
      @must_use fn helper() -> u32 { return 1; }
      @workgroup_size(min(4, (3)), 1) @compute fn first() {}
      @compute @workgroup_size(1)
      fn second() { var inside = 3; }`;
    expect(readSource(source)).toEqual({
      variables: [
        { name: 'größe', binding: 2, access: 'read_write' },
        { name: 'b', binding: 1, access: 'read' },
      ],
      entryPoints: ['first', 'second'],
    });
    expect(readSource('fn f() {} /* never ended @compute fn g() {}')).toEqual({ variables: [], entryPoints: [] });
  });

  test.each([
    [
      'another group',
      '@group(1) @binding(0) var<storage> x: f32;',
      /expected @group\(0\) .* before 'x', got @group\(1\)/,
    ],
    ['a computed binding', '@group(0) @binding(N) var<storage> x: f32;', /a number in @binding before 'x'/],
    [
      'a uniform',
      '@group(0) @binding(0) var<uniform> u: u32;',
      /expected 'u' to be var<storage.*got var<uniform>.*'override'/,
    ],
    ['a texture', '@group(0) @binding(0) var t: texture_2d<f32>;', /expected 't' to be var<storage, read>.*got var;/],
  ])('refused: %s', (_, code, message) => {
    expect(() => readSource(code)).toThrow(refusal('INVALID_ARGUMENT', message) as Error);
  });
});

describe('arguments of flash.wgsl that need no device', () => {
  const x = flash.zeros([2]);
  const gone = flash.zeros([2]);
  gone.dispose();
  const good = { bindings: { x, y: { shape: [2] } }, workgroups: 1 };
  test.each<[string, unknown[], string, RegExp]>([
    ['no code', [undefined, good], 'INVALID_ARGUMENT', /^code: expected WGSL text, got undefined/],
    ['no options', [SCALE], 'INVALID_ARGUMENT', /^options: expected an object/],
    ['an unknown option', [SCALE, { ...good, workgroup: 1 }], 'INVALID_ARGUMENT', /^workgroup: no such option/],
    ['no bindings', [SCALE, { workgroups: 1 }], 'INVALID_ARGUMENT', /^bindings: expected an object of tensors/],
    ['a tensor as bindings', [SCALE, { ...good, bindings: x }], 'INVALID_ARGUMENT', /^bindings: .*got a Tensor/],
    [
      'numbers for a tensor',
      [SCALE, { ...good, bindings: { x: [1] } }],
      'INVALID_ARGUMENT',
      /^bindings\.x: expected a Tensor or \{ shape \}, got \[1\]/,
    ],
    [
      'a disposed tensor',
      [SCALE, { ...good, bindings: { x: gone } }],
      'DISPOSED',
      /^bindings\.x: expected a live tensor/,
    ],
    [
      'a wrong shape',
      [SCALE, { ...good, bindings: [x, { shape: [0.5] }] }],
      'SHAPE',
      /^bindings\.1\.shape: expected an array of whole/,
    ],
    [
      'an empty output',
      [SCALE, { ...good, bindings: { y: { shape: [0] } } }],
      'SHAPE',
      /^bindings\.y: expected an element at least/,
    ],
    [
      'a wrong dtype',
      [SCALE, { ...good, bindings: { y: { shape: [1], dtype: 'u32' } } }],
      'DTYPE',
      /^bindings\.y\.dtype: expected 'f32' or/,
    ],
    [
      'a misspelt dtype',
      [SCALE, { ...good, bindings: { y: { shape: [1], type: 'f16' } } }],
      'INVALID_ARGUMENT',
      /^type: no such option/,
    ],
    [
      'no workgroups',
      [SCALE, { bindings: {} }],
      'INVALID_ARGUMENT',
      /^workgroups: expected a whole number of at least 1/,
    ],
    [
      'half a workgroup',
      [SCALE, { ...good, workgroups: [1, 0.5] }],
      'INVALID_ARGUMENT',
      /^workgroups: .*got \[1, 0.5\]/,
    ],
    ['four axes', [SCALE, { ...good, workgroups: [1, 1, 1, 1] }], 'INVALID_ARGUMENT', /^workgroups: /],
    [
      'a constant NaN',
      [SCALE, { ...good, constants: { factor: NaN } }],
      'INVALID_ARGUMENT',
      /^constants\.factor: expected a finite number/,
    ],
    [
      'a numbered entry',
      [SCALE, { ...good, entryPoint: 0 }],
      'INVALID_ARGUMENT',
      /^entryPoint: expected a name, got 0/,
    ],
  ])('refused: %s', async (_, args, code, message) => {
    const call = flash.wgsl as unknown as (...args: unknown[]) => Promise<unknown>;
    await expect(call(...args)).rejects.toEqual(refusal(code, message));
  });
});

onEachAdapter('flash.wgsl', () => {
  const x = flash.tensor([1, 2, 3, 4, 5], [5]);

  test('bindings by name, with constants, some workgroups and another dtype', async () => {
    const y = { shape: [5, 1] };
    const once = await flash.wgsl(SCALE, { bindings: { x, y }, workgroups: 2 });
    expect(await numbers(once.y)).toEqual([2, 4, 6, 8, 10]);
    expect([once.y.shape, once.y.dtype, once.x]).toEqual([[5, 1], 'f32', undefined]);
    const again = await flash.wgsl(SCALE, { bindings: { x, y }, workgroups: 1, constants: { factor: -1 } });
    expect(await numbers(again.y)).toEqual([-1, -2, -3, -4, 0]);
    // A result goes on as an input.
    const further = await flash.wgsl(SCALE, { bindings: { x: once.y, y }, workgroups: [2, 1, 1] });
    expect(await numbers(further.y)).toEqual([4, 8, 12, 16, 20]);
  });

  test('bindings by number, as an array', async () => {
    const [none, y] = await flash.wgsl(SCALE, { bindings: [x, { shape: [5] }], workgroups: 2 });
    expect(none).toBeUndefined();
    expect(await numbers(y)).toEqual([2, 4, 6, 8, 10]);
  });

  test('a tensor that the kernel writes is copied: it stays what it is', async () => {
    const code = `
      @group(0) @binding(0) var<storage, read_write> a: array<f32>;
      @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { a[id.x] += 1.0; }`;
    await onDevice(x);
    const work = async (): Promise<void> => {
      const { a } = await flash.wgsl(code, { bindings: { a: x }, workgroups: 4 });
      expect(await numbers(a)).toEqual([2, 3, 4, 5, 5]);
      expect(await numbers(x)).toEqual([1, 2, 3, 4, 5]);
      a?.dispose();
    };
    expect(await leftBehind(work)).toBe(0);
  });

  test('arrayLength is the number of elements, and other dtypes come as words', async () => {
    const code = `
      @group(0) @binding(0) var<storage, read> a: array<u32>;
      @group(0) @binding(1) var<storage, read_write> n: array<f32>;
      @group(0) @binding(2) var<storage, read_write> h: array<u32>;
      @compute @workgroup_size(1) fn main() {
        n[0] = f32(arrayLength(&a));
        n[1] = f32(arrayLength(&n));
        h[0] = pack2x16float(vec2f(unpack4xI8(a[0]).xy));
        h[1] = pack2x16float(vec2f(unpack4xI8(a[1]).xy));
      }`;
    const a = flash.tensor([-1, 100, 3, 4, -128], [5], { dtype: 'i8' });
    const bindings = { a, n: { shape: [3] }, h: { shape: [3], dtype: 'f16' } } as const;
    const { n, h } = await flash.wgsl(code, { bindings, workgroups: 1 });
    expect(await numbers(n)).toEqual([2, 3, 0]);
    expect([h.dtype, ...(await numbers(h))]).toEqual(['f16', -1, 100, -128]);
  });

  test('one of several functions, and a variable that it does not use', async () => {
    const code = `
      @group(0) @binding(0) var<storage, read> x: array<f32>;
      @group(0) @binding(1) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(1) fn one() { y[0] = 1.0; }
      @compute @workgroup_size(1) fn two() { y[0] = x[1]; }`;
    const bindings = { x, y: { shape: [1] } };
    const run = (entryPoint?: string): Promise<{ y: flash.Tensor }> =>
      flash.wgsl(code, { bindings, workgroups: 1, entryPoint });
    expect(await numbers((await run('one')).y)).toEqual([1]);
    expect(await numbers((await run('two')).y)).toEqual([2]);
    await expect(run()).rejects.toEqual(
      refusal('INVALID_ARGUMENT', /^entryPoint: expected one of the @compute functions one, two, got undefined/),
    );
    await expect(run('three')).rejects.toEqual(
      refusal('INVALID_ARGUMENT', /^entryPoint: expected one of one, two, got 'three'/),
    );
  });

  test('code that does not compile: every message with line, column, the line and a mark below the place', async () => {
    const run = (code: string): Promise<unknown> => flash.wgsl(code, { bindings: {}, workgroups: 1 });
    const messageOf = (code: string): Promise<string> =>
      run(code).then(
        () => 'it compiled',
        (error: flash.FlashError) => `${error.code} ${error.message}`,
      );
    const wrong = '@compute @workgroup_size(1)\r\nfn main() {\n\tlet ä = 1; y = missing + 2;\n}';
    const lines = (await messageOf(wrong)).split('\n');
    expect(lines[0]).toBe('INVALID_ARGUMENT code: expected WGSL that compiles, got 1 error:');
    expect(lines[1]).toMatch(/^3:13 .*unresolved value 'y'/);
    expect(lines.slice(2)).toEqual(['    \tlet ä = 1; y = missing + 2;', '    \t           ^']);
    expect(await messageOf('fn')).toMatch(/\n1:3 .*\n {4}fn\n {6}\^$/);
    const uniformity = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(4) fn main() { if (y[0] > 0.0) { workgroupBarrier(); } }`;
    expect(await messageOf(uniformity)).toMatch(/\n2:65 [^]*\n2:\d+ note: control flow [^]*\^\^/);
    expect(await messageOf('')).toBe('INVALID_ARGUMENT code: expected a function with @compute, got none.');
  });

  test.each<[string, string, Partial<flash.WgslOptions>, RegExp]>([
    [
      'a variable that has nothing',
      SCALE,
      { bindings: { x } },
      /^bindings\.y: expected a Tensor or \{ shape \} for 'y' of the WGSL at @binding\(1\), got undefined/,
    ],
    ['a number that has nothing', SCALE, { bindings: [x] }, /^bindings\.1: expected a Tensor or \{ shape \} for 'y'/],
    [
      'a name that is no variable',
      SCALE,
      { bindings: { x, y: x, z: x } },
      /^bindings: expected one of the variables of the WGSL, x, y, got 'z'/,
    ],
    [
      'an output that is only read',
      SCALE,
      { bindings: { x: { shape: [5] }, y: x } },
      /^bindings\.x: expected a Tensor, since the code only reads 'x'/,
    ],
    [
      'too many workgroups',
      SCALE,
      { workgroups: 2 ** 30 },
      /^workgroups: expected at most \d+ along an axis of this device, got \[1073741824\]/,
    ],
    ['a constant that is none', SCALE, { constants: { speed: 1 } }, /^wgsl: no kernel can be made: .*speed/],
    [
      'a constant without a value',
      'override n: u32; @compute @workgroup_size(n) fn main() {}',
      { bindings: {} },
      /^wgsl: no kernel can be made: [^]*constant/,
    ],
    ['a workgroup too large', '@compute @workgroup_size(65536) fn main() {}', { bindings: {} }, /65536/],
    [
      'a binding too small',
      '@group(0) @binding(0) var<storage, read_write> m: array<mat4x4f, 4>; @compute @workgroup_size(1) fn main() { m[1][1][1] = 1.0; }',
      { bindings: { m: x } },
      /^wgsl: the GPU refused it: .*[Bb]inding/,
    ],
  ])('refused: %s', async (_, code, more, message) => {
    await onDevice(x);
    const call = (): Promise<unknown> =>
      flash.wgsl(code, { bindings: { x, y: { shape: [5] } }, workgroups: 1, ...more });
    const refused = (): Promise<void> => expect(call()).rejects.toEqual(refusal('INVALID_ARGUMENT', message));
    expect(await leftBehind(refused)).toBe(0);
    // The device is none the worse.
    const { y } = await flash.wgsl(SCALE, { bindings: { x, y: { shape: [1] } }, workgroups: 1 });
    expect(await numbers(y)).toEqual([2]);
    y.dispose();
  });

  test('an output beyond one binding is refused', async () => {
    const { facts } = await defaultDevice();
    const y = { shape: [Math.ceil((facts.maxBinding + 1) / 4)] };
    if (y.shape[0] > 2 ** 31) return;
    await expect(flash.wgsl(SCALE, { bindings: { x, y }, workgroups: 1 })).rejects.toEqual(
      refusal('SHAPE', /^bindings\.y: expected at most \d+ bytes, what one binding of this device holds/),
    );
  });

  test('runs in the order of the calls, inputs may go meanwhile, tidy keeps what is returned', async () => {
    const work = async (): Promise<void> => {
      const y = await flash.tidy(async () => {
        const mine = flash.tensor([7], [1]);
        const options = { bindings: { x: mine, y: { shape: [1] } }, workgroups: 1 };
        const first = flash.wgsl(SCALE, options);
        const second = flash.wgsl(SCALE, { ...options, constants: { factor: 3 } });
        mine.dispose();
        await first;
        return (await second).y;
      });
      expect(await numbers(y)).toEqual([21]);
      y.dispose();
    };
    expect(await leftBehind(work)).toBe(0);
  });

  test('an abort before the start rejects with its reason', async () => {
    const bindings = { x, y: { shape: [5] } };
    const aborted = flash.wgsl(SCALE, { bindings, workgroups: 1, signal: AbortSignal.abort('enough') });
    await expect(aborted).rejects.toBe('enough');
    const stop = new AbortController();
    const waiting = flash.wgsl(SCALE, { bindings, workgroups: 1, signal: stop.signal });
    stop.abort('no more');
    await expect(waiting).rejects.toBe('no more');
    const { y } = await flash.wgsl(SCALE, { bindings, workgroups: 2 });
    expect(await numbers(y)).toEqual([2, 4, 6, 8, 10]);
  });

  test('an abort does not wait for a kernel that runs', async () => {
    // One thread, for some seconds.
    const slow = `@group(0) @binding(0) var<storage, read_write> y: array<u32>;
      override turns: u32;
      @compute @workgroup_size(1) fn main() {
        var x = y[0];
        for (var i = 0u; i < turns; i++) { x = (x * 1664525u + 1013904223u) ^ (x >> 13); }
        y[0] = x;
      }`;
    const { gpu } = await defaultDevice();
    const stopped = async (): Promise<void> => {
      const stop = new AbortController();
      const submitted = nextSubmit(gpu);
      const run = flash.wgsl(slow, {
        ...{ bindings: { y: { shape: [1] } }, workgroups: 1, constants: { turns: 6e8 } },
        signal: stop.signal,
      });
      await submitted;
      let ended = false;
      const idle = gpu.queue.onSubmittedWorkDone().then(() => (ended = true));
      stop.abort('no more');
      await expect(run).rejects.toBe('no more');
      // Data of the next call waits behind the kernel; its abort does not.
      const next = new AbortController();
      const bindings = { x: flash.zeros([12 * 2 ** 20]), y: { shape: [5] } };
      const large = flash.wgsl(SCALE, { bindings, workgroups: 2, signal: next.signal });
      setTimeout(() => next.abort('nor that'), 100);
      await expect(large).rejects.toBe('nor that');
      expect(ended).toBe(false);
      await idle;
    };
    expect(await leftBehind(stopped)).toBe(0);
    const { y } = await flash.wgsl(SCALE, { bindings: { x, y: { shape: [5] } }, workgroups: 2 });
    expect(await numbers(y)).toEqual([2, 4, 6, 8, 10]);
  });

  test('a lost device rejects, and the next call gets a new one', async () => {
    const kept = await flash.wgsl(SCALE, { bindings: { x, y: { shape: [5] } }, workgroups: 2 });
    (await defaultDevice()).end('the test ends it');
    await expect(kept.y.data()).rejects.toEqual(refusal('DEVICE_LOST', /the test ends it/));
    await expect(flash.wgsl(SCALE, { bindings: { x: kept.y, y: x }, workgroups: 1 })).rejects.toEqual(
      refusal('DEVICE_LOST', /^bindings\.x: expected a tensor of the current device/),
    );
    const { y } = await flash.wgsl(SCALE, { bindings: { x, y: { shape: [5] } }, workgroups: 2 });
    expect(await numbers(y)).toEqual([2, 4, 6, 8, 10]);
  });
});

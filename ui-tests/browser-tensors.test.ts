import { mkdtempSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { type LibraryPage, openLibraryPage } from './support/library-page';

declare const flash: typeof import('../kernel-lib/dist/cjs/index');

const library = path.resolve(__dirname, '../kernel-lib/dist/browser.mjs');

/** A .safetensors file with x = [1, 2, 3] as float16. */
function smallFile(): Buffer {
  const header = Buffer.from('{"x":{"dtype":"F16","shape":[3],"data_offsets":[0,6]}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from([0, 0x3c, 0, 0x40, 0, 0x42])]);
}

describe('files, other types and own kernels in a browser', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'flash-browser-'));
  let opened: LibraryPage;
  let page: Page;
  beforeAll(async () => {
    cpSync(library, path.join(folder, 'browser.mjs'));
    writeFileSync(path.join(folder, 'small.safetensors'), smallFile());
    opened = await openLibraryPage(folder);
    ({ page } = opened);
  });
  afterAll(async () => {
    await opened?.close();
    rmSync(folder, { recursive: true });
  });

  test('load reads an address relative to the page, and a File', async () => {
    const loaded = await page.evaluate(async () => {
      const { x } = await flash.load('small.safetensors');
      const bytes = await (await fetch('small.safetensors')).arrayBuffer();
      const again = (await flash.load(new File([bytes], 'mine.safetensors'))) as Record<string, typeof x>;
      return [x.dtype, [...(await x.data())], [...(await again.x.data())]];
    });
    expect(loaded).toEqual(['f16', [1, 2, 3], [1, 2, 3]]);
  });

  test('an absent file and a cut-off one are told by name', async () => {
    const messages = await page.evaluate(async () => {
      const messageOf = (call: Promise<unknown>): Promise<string> =>
        call.then(
          () => 'it loaded',
          (error: Error) => error.message,
        );
      return [
        await messageOf(flash.load('absent.npy')),
        await messageOf(flash.load(new File([new Uint8Array(12)], 'cut.safetensors'))),
      ];
    });
    expect(messages[0]).toMatch(/^load absent\.npy: it cannot be fetched: the server answered 404/);
    expect(messages[1]).toMatch(/^load cut\.safetensors: expected a header in JSON/);
  });

  test('flash.wgsl runs over f16 words, and tells line and column of an error', async () => {
    const [numbers, message] = await page.evaluate(async () => {
      const code = `
        @group(0) @binding(0) var<storage, read> x: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) {
          y[id.x] = unpack2x16float(x[id.x / 2])[id.x % 2];
        }`;
      const x = flash.tensor([0.5, -2, 3], [3], { dtype: 'f16' });
      const { y } = await flash.wgsl(code, { bindings: { x, y: { shape: [3] } }, workgroups: 3 });
      const wrong = await flash
        .wgsl('@compute @workgroup_size(1)\nfn main() { y = 1; }', { bindings: {}, workgroups: 1 })
        .catch((error: Error) => error.message);
      return [[...(await y.data())], wrong] as const;
    });
    expect(numbers).toEqual([0.5, -2, 3]);
    expect(message).toMatch(/got 1 error:\n2:13 .*'y'.*\n {4}fn main\(\) \{ y = 1; \}\n {16}\^$/);
  });
});

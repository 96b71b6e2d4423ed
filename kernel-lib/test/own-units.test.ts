import { proofOf } from '../src/api/prove-matrices';
import { fuzzCase, newTally, type FuzzFailure } from '../src/check/fuzz';
import { defaultDevice } from '../src/device/default-device';
import { matrixTuningKey, tuningKey } from '../src/device/tuning';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';

// Kernels on a device's own matrix units, where FLASH_MATRICES=on says that it has some: see scripts/mesa-26.

onEachAdapter('matrix kernels', () => {
  // Software units compile each kernel for up to a minute.
  const timeout = 1_200_000;

  test.each([
    ['f16', 16],
    ['f32', 8],
  ] as const)(
    'random calls in %s',
    async (dtype, D) => {
      expect((await defaultDevice()).unit).not.toBeNull();
      const limits = { kernels: [{ D, Dv: D, dtype, tiles: null }], longest: 150, products: 1e6 };
      const tally = newTally();
      const failures: FuzzFailure[] = [];
      for (let seed = 0; seed < 40; seed++) failures.push(...(await fuzzCase(seed, ['flash2'], tally, limits)));
      expect(failures).toEqual([]);
      const q = flash.randn([1, 1, 40, D], { dtype, seed: 1 });
      const result = await flash.attention(q, q, q);
      expect(result.info.path).toMatch(/matrix tiles/);
      // Gradients in f32 keep to plain arithmetic: see kernels/flash2/float-parts.ts.
      const units = /dq matrix tiles .* dkdv matrix tiles/;
      expect(units.test((await result.backward(q)).info.path)).toBe(dtype === 'f16');
    },
    timeout,
  );

  test(
    'are tuned, and every shape is proven before it is used',
    async () => {
      await flash.init();
      const device = await defaultDevice();
      // Few shapes are this small.
      Object.assign(device, { facts: { ...device.facts, maxInvocations: 2 * device.unit!.lanes } });
      const family = { pass: 'forward', dtype: 'f16', D: 16, Dv: 16 } as const;
      const prove = (): ReturnType<typeof proofOf> => device.enqueue(() => proofOf(device, family));
      const proofs = [await prove()];
      const plain = { own: 8, step: 4, lanes: false };
      device.tune({ [tuningKey('forward', family)]: plain, [matrixTuningKey('dq', family)]: plain }, false);
      const { rows } = await flash.tune({ dtype: 'f16', dim: 16, heads: 1, seq: 40, keep: false });
      for (const pass of ['forward', 'dq', 'dkdv']) {
        const tried = rows.filter((row) => row.pass === pass);
        expect(tried.length).toBeGreaterThan(1);
        expect(tried.every(({ ms }) => ms! > 0)).toBe(true);
        expect(tried.filter(({ taken }) => taken)).toHaveLength(1);
      }
      // What was found for plain arithmetic stays, what was found before for the units goes.
      expect(device.facts.tuned!.get(tuningKey('forward', family))).toBe(plain);
      expect(device.facts.tuned!.get(matrixTuningKey('dq', family))).not.toBe(plain);
      for (const { shape } of rows.filter(({ pass, shape }) => pass === 'forward' && shape !== null)) {
        device.tune({ [matrixTuningKey('forward', family)]: shape! }, false);
        proofs.push(await prove());
      }
      expect(proofs.every(({ ok }) => ok)).toBe(true);
      // The first shape is the table's.
      expect(new Set(proofs).size).toBe(proofs.length - 1);
      await flash.init();
    },
    timeout,
  );
});

import type { FlashDevice } from '../device/device';
import type { Plan } from '../device/plan';
import { toHalf } from '../kernels/to-half';
import { fromFloat16Bits, toFloat16Bits } from '../tensor/float16';
import { runOnArrays } from './run-on-arrays';

// WGSL lets a driver round a float to either of the halves around it. Kernels on matrix units make a half of every weight, so they leave
// that to the driver where it takes the nearer one, and do it by hand where it does not.

/**
 * Floats between neighbouring halves of every size that is not subnormal, on both sides of the middle and in it, where the last bit is even and where it
 * is odd.
 */
function numbersBetweenHalves(): Float32Array {
  const numbers: number[] = [];
  for (let exponent = 1; exponent < 31; exponent++) {
    for (const mantissa of [0, 1, 2, 511, 852, 1021, 1022]) {
      const bits = (exponent << 10) | mantissa;
      const [low, high] = fromFloat16Bits(Uint16Array.of(bits, bits + 1));
      for (const part of [0, 1 / 4096, 0.25, 0.5 - 1 / 4096, 0.5, 0.5 + 1 / 4096, 0.75, 1 - 1 / 4096]) {
        const x = low + part * (high - low);
        numbers.push(x, -x);
      }
    }
  }
  return Float32Array.from(numbers);
}

/** Finds out, once, whether the device rounds to the nearest, ties to even; then its `unit` tells. The caller must have the device's queue. */
export async function learnRounding(device: FlashDevice): Promise<void> {
  if (!device.unit || device.unit.rounds !== undefined) return;
  const numbers = numbersBetweenHalves();
  const plan: Plan = {
    path: 'rounding',
    tiles: null,
    outputs: { halves: 2 * numbers.length },
    scratch: {},
    steps: ({ floats, halves }) => [toHalf(floats, halves, numbers.length)],
  };
  const { halves } = await runOnArrays(device, plan, { floats: numbers }, (name) =>
    name === 'halves' ? 'f16' : 'f32',
  );
  const nearest = fromFloat16Bits(toFloat16Bits(numbers));
  device.unit = { ...device.unit, rounds: nearest.every((half, n) => half === halves[n]) };
}

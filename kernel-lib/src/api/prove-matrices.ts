import type { DeviceFacts, FlashDevice } from '../device/device';
import { matrixTuningKey } from '../device/tuning';
import { type AttentionMatrices, chooseMatrices } from '../kernels/flash2/choose-matrices';
import { chooseFewRows, type Pass } from '../kernels/flash2/choose-tile';
import { flash2Backward, flash2Forward } from '../kernels/flash2/plan';
import {
  allowedError,
  compare,
  referenceBackward,
  referenceForward,
  yardstickBackward,
  yardstickForward,
} from '../reference';
import { normals } from '../tensor/random';
import { toNumbers, toStorage } from '../tensor/storage-array';
import { FlashError } from './errors';
import { learnRounding } from './learn-rounding';
import { CAUSAL, NO_FEATURES, type Problem } from './problem';
import { type Arrays, runOnArrays } from './run-on-arrays';

// Kernels on matrix units are only as right as drivers are, and these units are new to WGSL. So the first call of each family (pass,
// dtype, head sizes) runs a small case and compares it with the float64 reference; where that fails, the device goes without.

/** What came of a proof. */
export interface Proof {
  readonly pass: 'forward' | 'backward';
  readonly dtype: 'f32' | 'f16';
  readonly D: number;
  readonly Dv: number;
  readonly ok: boolean;
  /** What was compared, or what went wrong. */
  readonly text: string;
}

type Family = Pick<Problem, 'dtype' | 'D' | 'Dv'> & { readonly pass: Proof['pass'] };

/** By family and tiles. */
const proofs = new WeakMap<FlashDevice, Map<string, Promise<Proof>>>();
/** Those for the tiles of these facts, by family alone. */
const current = new WeakMap<DeviceFacts, Map<string, Promise<Proof>>>();
/** Families and tiles during whose proof a device was lost, by adapter: they are not tried again. */
const deadly = new Map<string, string>();

const nameOf = ({ pass, dtype, D, Dv }: Family): string => `${pass} ${dtype} D ${D} Dv ${Dv}`;

const passesOf = (pass: Proof['pass']): readonly Pass[] => (pass === 'forward' ? ['forward'] : ['dq', 'dkdv']);

/** Whether the device has matrices for a pass of a problem, were they proven. */
function hasMatrices(p: Problem, pass: Proof['pass'], device: FlashDevice): boolean {
  if (!device.unit || (p.dtype === 'f32' && !device.floatUnits)) return false;
  return passesOf(pass).some((one) => chooseMatrices(one, p, withUnit(device)) !== null);
}

/** Whether it would take them: not for few queries. */
const wouldTake = (p: Problem, pass: Proof['pass'], device: FlashDevice): boolean =>
  hasMatrices(p, pass, device) && !(pass === 'forward' && chooseFewRows(p, device.facts));

/** The device's facts for a pass of a problem, with its matrix units only if they are proven; proves them if need be. */
export async function provenFacts(device: FlashDevice, p: Problem, pass: Proof['pass']): Promise<DeviceFacts> {
  const family = { pass, dtype: p.dtype, D: p.D, Dv: p.Dv };
  // Other facts may be the device's by the time of the answer.
  const { facts } = device;
  const proven = device.unit !== null && current.get(facts)?.has(nameOf(family));
  if (!proven && !wouldTake(p, pass, device)) return facts;
  if (device.unit!.rounds === undefined) {
    await learnRounding(device);
    return provenFacts(device, p, pass);
  }
  const able = withUnit(device);
  const { ok } = await proofNow(device, family);
  if (ok) return able;
  return device.facts === facts && forgetTuned(device, family) ? provenFacts(device, p, pass) : facts;
}

/** Measured tiles that are wrong, as after a change of the driver, give way to those of the tables. */
function forgetTuned(device: FlashDevice, family: Family): boolean {
  const tuned = new Map(device.facts.tuned);
  const found = passesOf(family.pass).filter((one) => tuned.delete(matrixTuningKey(one, family)));
  if (found.length > 0) device.tune(Object.fromEntries(tuned), false);
  return found.length > 0;
}

const withUnits = new WeakMap<DeviceFacts, DeviceFacts>();

/** The device's facts with its matrix units: the same object as long as they are the same. */
function withUnit({ facts, unit }: FlashDevice): DeviceFacts {
  const known = withUnits.get(facts);
  if (known?.matrices === unit) return known!;
  const able = { ...facts, matrices: unit! };
  withUnits.set(facts, able);
  return able;
}

/** The proof of a family with its tiles on a device, made once. It runs on its own: the caller must have the device's queue. */
export async function proofOf(device: FlashDevice, family: Family): Promise<Proof> {
  await learnRounding(device);
  return proofNow(device, family);
}

function proofNow(device: FlashDevice, family: Family): Promise<Proof> {
  return remember(current, device.facts, nameOf(family), () => {
    const place = placeOf(device, family);
    return remember(proofs, device, place, () => prove(device, family, place));
  });
}

function remember<K extends object>(
  known: WeakMap<K, Map<string, Promise<Proof>>>,
  of: K,
  name: string,
  make: () => Promise<Proof>,
): Promise<Proof> {
  const named = known.get(of) ?? new Map<string, Promise<Proof>>();
  known.set(of, named);
  const proof = named.get(name) ?? make();
  named.set(name, proof);
  return proof;
}

/** The tiles that a proof of the family is for. */
const tilesOf = (device: FlashDevice, family: Family): (AttentionMatrices | null)[] =>
  passesOf(family.pass).map((pass) => chooseMatrices(pass, proofProblem(family, { br: 1, bc: 1 }), withUnit(device)));

const placeOf = (device: FlashDevice, family: Family): string =>
  `${device.info.name} ${nameOf(family)} ${JSON.stringify(tilesOf(device, family))}`;

/** Head sizes that a doctor looks at. */
const USUAL = [64, 128];

/** The proofs of the usual families that the device would use matrices for. */
export async function proveUsual(device: FlashDevice): Promise<Proof[]> {
  const found: Proof[] = [];
  for (const dtype of ['f16', 'f32'] as const) {
    for (const D of USUAL) {
      for (const pass of ['forward', 'backward'] as const) {
        const family = { pass, dtype, D, Dv: D };
        if (!hasMatrices(proofProblem(family, { br: 1, bc: 1 }), pass, device)) continue;
        const lost = (error: Error): Proof => ({ ...family, ok: false, text: error.message });
        found.push(await device.enqueue(() => proofOf(device, family)).catch(lost));
        if (device.lost) return found;
      }
    }
  }
  return found;
}

async function prove(device: FlashDevice, family: Family, place: string): Promise<Proof> {
  const { pass, dtype, D, Dv } = family;
  const { facts } = device;
  const result = (ok: boolean, text: string): Proof => ({ pass, dtype, D, Dv, ok, text });
  const before = deadly.get(place);
  if (before) return result(false, before);
  try {
    const wrong = await (pass === 'forward' ? forwardErrors(device, family) : backwardErrors(device, family));
    return result(
      wrong.every(({ ok }) => ok),
      wrong.map(({ text }) => text).join(', '),
    );
  } catch (error) {
    const text = (error as Error).message;
    if (device.lost) {
      deadly.set(place, `the device was lost: ${text}`);
      throw error;
    }
    // Memory may be there the next time.
    if (error instanceof FlashError && error.code === 'OUT_OF_MEMORY') {
      proofs.get(device)?.delete(place);
      current.get(facts)?.delete(nameOf(family));
    }
    return result(false, text);
  }
}

/** A causal problem with heads in groups, several tiles each way and a part of one, some that the band cuts and some that it does not, and rows that see nothing. */
function proofProblem({ dtype, D, Dv }: Family, { br, bc }: Pick<AttentionMatrices, 'br' | 'bc'>): Problem {
  const Nq = 2 * br + 5;
  const sizes = { B: 1, H: 2, Hk: 1, Nq, Nk: Math.max(Nq - 3, 2 * bc + 3), D, Dv, scale: 1 / Math.sqrt(D) };
  return { ...sizes, layout: 'bhnd', packing: 'none', dtype, ...NO_FEATURES, band: CAUSAL };
}

/** Numbers as they are stored; q and k large enough for sharp softmaxes, whose maxima move from tile to tile. */
function proofInputs({ H, Hk, Nq, Nk, D, Dv, dtype }: Problem): Record<'q' | 'k' | 'v' | 'dout', Float32Array> {
  const draw = (seed: number, size: number, factor: number): Float32Array =>
    toNumbers(
      toStorage(
        normals(seed, size).map((x) => factor * x),
        dtype,
        'proof',
      ),
    );
  return {
    q: draw(1, H * Nq * D, 2),
    k: draw(2, Hk * Nk * D, 2),
    v: draw(3, Hk * Nk * Dv, 1),
    dout: draw(4, H * Nq * Dv, 1),
  };
}

const storedAs =
  ({ dtype }: Problem) =>
  (name: string): 'f32' | 'f16' =>
    name === 'lse' ? 'f32' : dtype;

async function forwardErrors(device: FlashDevice, family: Family): Promise<{ ok: boolean; text: string }[]> {
  const facts = withUnit(device);
  const p = proofProblem(family, tilesOf(device, family)[0]!);
  const { dout: _, ...inputs } = proofInputs(p);
  const got = await runOnArrays(device, flash2Forward(p, facts, null), inputs, storedAs(p));
  const { maxAbsScore, ...truth } = referenceForward(p, inputs);
  return errors(p, got, truth, yardstickForward(p, inputs), 'forward', maxAbsScore);
}

async function backwardErrors(device: FlashDevice, family: Family): Promise<{ ok: boolean; text: string }[]> {
  const facts = withUnit(device);
  const tiles = tilesOf(device, family);
  const most = (side: 'br' | 'bc'): number => Math.max(...tiles.map((t) => t?.[side] ?? 1));
  const p = proofProblem(family, { br: most('br'), bc: most('bc') });
  const { dout, ...inputs } = proofInputs(p);
  const { out, lse } = referenceForward(p, inputs);
  const got = await runOnArrays(device, flash2Backward(p, facts, null), { ...inputs, dout, out, lse }, storedAs(p));
  const { dq, dk, dv, maxAbsScore } = referenceBackward(p, inputs, dout);
  return errors(p, got, { dq, dk, dv }, yardstickBackward(p, inputs, dout), 'gradient', maxAbsScore);
}

function errors(
  { dtype }: Problem,
  got: Arrays,
  truth: Arrays,
  plain: object,
  kind: 'forward' | 'gradient',
  maxAbsScore: number,
): { ok: boolean; text: string }[] {
  return Object.entries(truth).map(([name, reference]) => {
    const yardstick = (plain as Record<string, Float64Array>)[name];
    const allowed = allowedError({ reference, yardstick, kind, maxAbsScore, dtype });
    const { ok, error } = compare(got[name], reference, allowed);
    return { ok, text: `${name} off by ${error.toExponential(1)} (allowed ${allowed.toExponential(1)})` };
  });
}

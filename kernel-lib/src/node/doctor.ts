import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { FlashError } from '../api/errors';
import { type Proof, proveUsual } from '../api/prove-matrices';
import { measureCeilings } from '../device/ceilings';
import { defaultDevice } from '../device/default-device';
import { type FlashDevice, LIMITS } from '../device/device';
import { type Attempt, HINTS, tryAdapters } from './adapters';
import './index';
import { CHROMIUM_VERSION, cacheFolder } from './swiftshader';

export interface DoctorReport {
  readonly text: string;
  /** One object a fact, for --json. */
  readonly rows: readonly object[];
  /** Whether some adapter works. */
  readonly ok: boolean;
}

/**
 * Tells which adapter is used and why, its features, limits and measured ceilings, and what was found wrong with the others.
 * @param options.fix installs SwiftShader into the user's cache folder if no adapter works
 */
export async function doctor(options: { fix?: boolean } = {}): Promise<DoctorReport> {
  let { choice, attempts } = await tryAdapters('auto');
  const fixed = !choice && options.fix ? installSwiftShader() : null;
  if (fixed?.ok) ({ choice, attempts } = await tryAdapters('auto'));
  const rows: object[] = attempts.map((attempt) => ({ type: 'attempt', ...attempt, mend: HINTS[attempt.name] }));
  if (!choice) return { text: describeFailure(attempts, fixed?.message), rows, ok: false };

  const first = await defaultDevice();
  const proofs = await proveUsual(first);
  // A proof may have cost the device.
  const device = first.lost ? await defaultDevice() : first;
  const { info } = device;
  const ceilings = await measureCeilings(device);
  rows.unshift(
    { type: 'device', ...info },
    { type: 'ceilings', ...ceilings },
    ...proofs.map((proof) => ({ type: 'matrices', unit: device.unit, ...proof })),
  );
  const lines = [
    `adapter   ${info.name} (${info.driver}, ${info.kind})`,
    `why       ${info.reason}`,
    `features  ${info.features.join(', ')}`,
    `subgroups ${info.subgroupMinSize || 'none'}${info.subgroupMaxSize > info.subgroupMinSize ? ` to ${info.subgroupMaxSize}` : ''}`,
    ...LIMITS.map((name, i) => `${i === 0 ? 'limits   ' : '         '} ${name} ${info.limits[name]}`),
    `measured  ${ceilings.fmaGflops.toPrecision(3)} GFLOP/s fma, ${ceilings.expGops.toPrecision(3)} Gops/s exp2, ` +
      `${ceilings.copyGBs.toPrecision(3)} GB/s copy (${ceilings.clock} clock)`,
    ...describeMatrices(device, proofs),
    ...attempts.map(({ name, why }) => `better    ${name}: ${why}. It needs ${HINTS[name]}.`),
  ];
  return { text: lines.join('\n'), rows, ok: true };
}

/** Lines about the matrix units: which kernels on them are right, and so used. */
function describeMatrices({ unit }: FlashDevice, proofs: readonly Proof[]): string[] {
  if (!unit)
    return [
      'matrices  none in use: a GPU without them, a software driver (FLASH_MATRICES=on takes its own), or switched off',
    ];
  const { M, N, K, lanes, rounds } = unit;
  return [
    `matrices  ${M} x ${N} x ${K} of f16, subgroups of ${lanes}${rounds === undefined ? '' : `, rounded by ${rounds ? 'the driver' : 'hand'}`}`,
    ...proofs.map(
      ({ pass, dtype, D, ok, text }) =>
        `          ${dtype} D ${D} ${pass}: ${ok ? 'proven' : 'WRONG, switched off'}: ${text}`,
    ),
  ];
}

function describeFailure(attempts: readonly Attempt[], fixed: string | undefined): string {
  const tried = attempts.map(({ name, why }) => `${name}: ${why}. It needs ${HINTS[name]}.`);
  return ['No WebGPU adapter works.', ...tried, ...(fixed ? [`--fix: ${fixed}`] : [])].join('\n');
}

/** Installs the package that carries SwiftShader where swiftshader.ts looks for it. */
function installSwiftShader(): { ok: boolean; message: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { ok: false, message: 'SwiftShader comes for linux-x64 only.' };
  }
  const folder = path.join(cacheFolder(), 'packages');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const npm = spawnSync(
    'npm',
    [
      'install',
      '--prefix',
      folder,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `@sparticuz/chromium@${CHROMIUM_VERSION}`,
    ],
    { encoding: 'utf8' },
  );
  if (npm.error) throw new FlashError('NO_ADAPTER', `npm could not be started: ${npm.error.message}`);
  const ok = npm.status === 0;
  return {
    ok,
    message: ok ? 'installed.' : `npm install failed: ${npm.stderr.trim().split('\n').slice(-3).join(' ')}`,
  };
}

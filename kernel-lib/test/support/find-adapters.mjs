import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// jest's global set-up: which names of FLASH_ADAPTER work here, told to the tests before any of them is collected. Each is
// asked in a process of its own: a driver may crash, and jest would translate the native package's modules.
const adapters = fileURLToPath(new URL('../../dist/cjs/node/adapters.js', import.meta.url));
const ask = `require(${JSON.stringify(adapters)}).tryAdapters('auto').then(({ choice }) => process.exit(choice ? 0 : 3))`;

export default function findAdapters() {
  const wanted = process.env.FLASH_ADAPTER;
  const names = wanted && wanted !== 'auto' ? [wanted] : ['swiftshader', 'lavapipe', 'hardware'];
  const works = (name) =>
    spawnSync(process.execPath, ['-e', ask], { env: { ...process.env, FLASH_ADAPTER: name } }).status === 0;
  process.env.FLASH_TEST_ADAPTERS = names.filter(works).join();
}

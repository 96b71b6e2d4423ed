import { init } from '../../src/node';

const NAMES = ['swiftshader', 'lavapipe', 'hardware'];

const list = (variable: string): string[] => (process.env[variable] ?? '').split(',').filter(Boolean);

/**
 * Runs a suite on every adapter of this machine, each as the default device. One that is missing is a named skip, or a
 * failure if FLASH_REQUIRE lists it. With FLASH_ADAPTER set, only that one counts.
 */
export function onEachAdapter(title: string, suite: (adapter: string) => void): void {
  const only = process.env.FLASH_ADAPTER;
  for (const name of NAMES) {
    if (list('FLASH_TEST_ADAPTERS').includes(name)) {
      describe(`${title} on ${name}`, () => {
        const before = process.env.FLASH_ADAPTER;
        beforeAll(async () => {
          process.env.FLASH_ADAPTER = name;
          await init();
        });
        afterAll(() => {
          if (before === undefined) delete process.env.FLASH_ADAPTER;
          else process.env.FLASH_ADAPTER = before;
        });
        suite(name);
      });
    } else if (list('FLASH_REQUIRE').includes(name)) {
      test(`${title} on ${name}`, () => {
        throw new Error(`FLASH_REQUIRE lists ${name}, but this machine has no such adapter.`);
      });
    } else if (!only || only === 'auto' || only === name) {
      test.skip(`${title} on ${name}: no such adapter here`, () => undefined);
    }
  }
}

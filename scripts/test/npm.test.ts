import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packagesInstalled } from '../setup/npm.mjs';
import { pathsOf } from '../setup/paths.mjs';

describe('packagesInstalled', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'flashlab npm '));
    install('node_modules/a');
    write('package-lock.json', lock());
    write('node_modules/.package-lock.json', lock());
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const lock = (version = '1.0.0') => ({
    packages: {
      '': { name: 'root' },
      'node_modules/a': { version, integrity: `sha512-${version}` },
      'node_modules/other-platform': { version: '1.0.0', optional: true },
    },
  });
  const write = (file: string, value: object) => writeFileSync(path.join(root, file), JSON.stringify(value));
  const install = (place: string) => {
    mkdirSync(path.join(root, place), { recursive: true });
    write(`${place}/package.json`, {});
  };
  const installed = () => packagesInstalled(pathsOf(root));

  test('is true where everything is there but another platform’s packages', () => {
    expect(installed()).toBe(true);
  });

  test('is false after an interrupted install, which leaves no account', () => {
    rmSync(path.join(root, 'node_modules/.package-lock.json'));
    expect(installed()).toBe(false);
  });

  test('is false when the lock moved on', () => {
    write('package-lock.json', lock('1.0.1'));
    expect(installed()).toBe(false);
  });

  test('is false when a package was deleted', () => {
    rmSync(path.join(root, 'node_modules/a'), { recursive: true });
    expect(installed()).toBe(false);
  });
});

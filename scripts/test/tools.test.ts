import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { explainFailure } from '../setup/run-tool.mjs';
import { checkNode, findPython } from '../setup/tools.mjs';

describe('checkNode', () => {
  test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('%s is new enough', (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });
  test.each(['20.18.9', '18.20.0', '16.0.0'])('%s is refused with the mend', (version) => {
    expect(() => checkNode(version)).toThrow(`Node 20.19 or newer is needed, this is ${version}. Install`);
  });
});

describe('findPython', () => {
  let bin: string;
  beforeEach(() => {
    bin = mkdtempSync(path.join(tmpdir(), 'flashlab bin '));
  });
  afterEach(() => rmSync(bin, { recursive: true, force: true }));

  /** Puts a command into the only folder of PATH; it answers the probe as a Python of this kind would. */
  function addPython(name: string, version: number[], venv = true) {
    const answer = JSON.stringify({ version, venv, path: `/somewhere/${name}` });
    writeFileSync(path.join(bin, name), `#!/bin/sh\necho '${answer}'\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  const find = () => findPython({ PATH: bin }, 'linux');

  test('takes python3', () => {
    addPython('python3', [3, 10, 0]);
    expect(find()).toEqual({ version: '3.10.0', path: '/somewhere/python3' });
  });

  test('takes a newer one that stands beside an old python3', () => {
    addPython('python3', [3, 9, 2]);
    addPython('python3.12', [3, 12, 1]);
    expect(find().path).toBe('/somewhere/python3.12');
  });

  test('says that there is none', () => {
    expect(find).toThrow(/^Python 3\.10 or newer is needed, and there is no python3\. Install it .*apt install/);
  });

  test('says that it is too old', () => {
    addPython('python3', [3, 9, 2]);
    expect(find).toThrow('Python 3.10 or newer is needed, /somewhere/python3 is 3.9.2.');
  });

  test('says that its venv module is missing', () => {
    addPython('python3', [3, 11, 2], false);
    expect(find).toThrow(/^Python 3\.11\.2 .* lacks its venv module\. .*apt install python3-venv/);
  });

  test('does not take a command that is no Python for one', () => {
    writeFileSync(path.join(bin, 'python3'), '#!/bin/sh\necho hello\n');
    chmodSync(path.join(bin, 'python3'), 0o755);
    expect(find).toThrow('there is no python3');
  });
});

describe('explainFailure', () => {
  const explain = (output: string) => explainFailure('npm packages', output, 'the.log');

  test.each([
    ['npm error code EAI_AGAIN', 'cannot be reached'],
    ['Temporary failure in name resolution', 'cannot be reached'],
    ['OSError: [Errno 28] No space left on device', 'the disk is full'],
    ['npm error code EACCES', 'no right to write'],
  ])('%s is one line with the mend', (output, mend) => {
    expect(explain(`many\nlines\n${output}\n`)).toMatch(new RegExp(`^npm packages: [^\n]*${mend}[^\n]*$`));
  });

  test('an unknown failure shows the end of its output and where the rest is', () => {
    const text = explain('first\n'.repeat(100) + 'src/a.ts(1,1): error TS1005');
    expect(text).toContain('error TS1005\nnpm packages failed; its whole output is in the.log');
    expect(text.split('\n')).toHaveLength(16);
  });
});

// What must be there before set-up can begin: Node and Python, new enough.
import { spawnSync } from 'node:child_process';
import { Problem } from './problem.mjs';

const NODE = [20, 19];
const PYTHON = [3, 10];

const older = ([major, minor], [wantMajor, wantMinor]) =>
  major < wantMajor || (major === wantMajor && minor < wantMinor);

/** Throws unless `version` (as in process.versions.node) is new enough. */
export function checkNode(version = process.versions.node) {
  if (older(version.split('.').map(Number), NODE)) {
    throw new Problem(
      `Node ${NODE.join('.')} or newer is needed, this is ${version}. Install a current LTS of Node.js and run the same command again.`,
    );
  }
}

const PROBE = `
import sys, json
try:
    import venv, ensurepip
    whole = True
except ImportError:
    whole = False
print(json.dumps({"version": list(sys.version_info[:3]), "venv": whole, "path": sys.executable}))
`;

/** What the Python called `command` is, or null where there is none. */
function probe([command, ...args], env) {
  const result = spawnSync(command, [...args, '-c', PROBE], { encoding: 'utf8', env, timeout: 30_000 });
  if (result.status !== 0) return null;
  try {
    return JSON.parse(result.stdout);
  } catch {
    return null;
  }
}

/**
 * Finds a Python that can make a virtual environment.
 * @returns {{ version: string, path: string }}
 */
export function findPython(env = process.env, platform = process.platform) {
  const plain = platform === 'win32' ? [['py', '-3'], ['python']] : [['python3'], ['python']];
  const named = ['3.14', '3.13', '3.12', '3.11', '3.10'].map((version) => [`python${version}`]);
  let old = null;
  let bare = null;
  for (const command of [...plain, ...named]) {
    const found = probe(command, env);
    if (!found) continue;
    if (older(found.version, PYTHON)) old ??= found;
    else if (!found.venv) bare ??= found;
    else return { version: found.version.join('.'), path: found.path };
  }
  if (bare) {
    throw new Problem(
      `Python ${bare.version.join('.')} (${bare.path}) lacks its venv module. Install it (Debian, Ubuntu: apt install python3-venv) and run the same command again.`,
    );
  }
  const wanted = `Python ${PYTHON.join('.')} or newer is needed`;
  if (old) {
    throw new Problem(
      `${wanted}, ${old.path} is ${old.version.join('.')}. Install a newer one and run the same command again.`,
    );
  }
  throw new Problem(
    `${wanted}, and there is no python3. Install it (Debian, Ubuntu: apt install python3 python3-venv) and run the same command again.`,
  );
}

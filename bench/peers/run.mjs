// npm run bench:peers -- [--json] [--rounds N] [--peers LIST] [--only TEXT]: other implementations of attention beside this one.
//
// Each side lives in a process of its own and computes by turns with the others, on the adapter of FLASH_ADAPTER: ours, the peer,
// ours, … after a run that compiles and is compared with float64, and one that warms up. Times are medians in milliseconds, with
// the ways of the data unless `io` says 'without'. ratio = peer_ms / ours_ms.
import { parseArgs } from 'node:util';
import { caseName, cases, cudaCases } from './cases.mjs';
import { hasCuda } from './cuda.mjs';
import { median } from './numbers.mjs';
import { Side } from './sides.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    rounds: { type: 'string', default: '7' },
    peers: { type: 'string' },
    only: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const wanted = values.peers?.split(',');
const note = (text) => process.stderr.write(`${text}\n`);

const ours = new Side('flashlab');
const adapter = await ours.ask('adapter');
const sides = new Map();
/** The running side of a peer; a new one where the last has ended. */
function sideOf(name) {
  if (!sides.has(name)) sides.set(name, new Side(name));
  return sides.get(name);
}

async function compare(one, peer) {
  const side = sideOf(peer);
  const title = `${caseName(one)} ${one.dtype} ${one.pass}${one.causal ? ' causal' : ''}: ${peer}`;
  try {
    const ours_err = await ours.ask('prepare', one);
    const peer_err = await side.ask('prepare', one);
    const times = { ours: [], peer: [] };
    for (let round = 0; round <= rounds; round++) {
      const [a, b] = [await ours.ask('run'), await side.ask('run')];
      if (round === 0) continue;
      times.ours.push(a);
      times.peer.push(b);
    }
    const [ours_ms, peer_ms] = [median(times.ours), median(times.peer)];
    const { pass, dtype, causal, io } = one;
    const row = { adapter, case: caseName(one), pass, dtype, causal, ours_ms, ours_err, peer, peer_ms, peer_err };
    return { ...row, ratio: peer_ms / ours_ms, io };
  } catch (error) {
    note(`${title}: not compared: ${error.message}`);
    side.end();
    sides.delete(peer);
    return null;
  }
}

const all = [...cases, ...(hasCuda() ? cudaCases : [])].filter(
  (one) => !values.only || caseName(one).includes(values.only),
);
let compared = 0;
if (!values.json) note(`${adapter}\n${head()}`);
for (const one of all) {
  for (const peer of one.peers.filter((name) => !wanted || wanted.includes(name))) {
    const row = await compare(one, peer);
    if (!row) continue;
    compared++;
    process.stdout.write(`${values.json ? JSON.stringify(row) : line(row)}\n`);
  }
}
ours.end();
for (const side of sides.values()) side.end();
process.exitCode = compared > 0 ? 0 : 1;

function head() {
  return line({
    case: 'case',
    pass: 'pass',
    dtype: 'dtype',
    causal: '',
    peer: 'peer',
    ours_ms: 'ours ms',
    peer_ms: 'peer ms',
    ratio: 'ratio',
    ours_err: 'ours err',
    peer_err: 'peer err',
  });
}

function line({ case: name, pass, dtype, causal, peer, ours_ms, peer_ms, ratio, ours_err, peer_err }) {
  const number = (x, text) => (typeof x === 'number' ? text(x) : x).padStart(9);
  const ms = (x) => number(x, (y) => y.toPrecision(4));
  const error = (x) => number(x, (y) => y.toExponential(1));
  return [
    name.padEnd(30),
    `${pass}${causal ? ' causal' : ''}`.padEnd(24),
    dtype.padEnd(5),
    peer.padEnd(11),
    ms(ours_ms),
    ms(peer_ms),
    number(ratio, (y) => y.toFixed(2)),
    error(ours_err),
    error(peer_err),
  ].join(' ');
}

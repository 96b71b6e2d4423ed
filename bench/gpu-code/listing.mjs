// Reads what NVK's compiler prints (NAK_DEBUG=print): blocks of instructions of a kernel, after the last of its steps.

/** @returns {{operations: string[], next: number[]}[]} by number of block */
function blocksOf(listing) {
  const begin = listing.lastIndexOf('NAK IR after calc_instr_deps');
  if (begin < 0) throw new Error('The driver has printed no instructions.');
  const text = listing.slice(begin, listing.indexOf('Encoded shader', begin));
  const blocks = [];
  for (const [, number, body, next] of text.matchAll(/^block(?:\.u)? (\d+) .*?\{\n(.*?)^\} -> \[(.*?)\]/gms)) {
    blocks[number] = {
      operations: body.split('\n').flatMap(operationOf),
      next: next.split(',').filter(Boolean).map(Number),
    };
  }
  return { blocks, text };
}

/** `@!p0 r1 = iadd3 r2 r3 // …` is an iadd3; loads and stores keep the name of their memory. */
function operationOf(line) {
  const words = line
    .replace(/\/\/.*/, '')
    .replace(/^@!?\S+/, '')
    .replace(/.*?= /, '')
    .trim()
    .split(' ');
  const parts = words[0].split('.');
  return words[0] === '' ? [] : [['ld', 'st'].includes(parts[0]) ? parts.slice(0, 2).join('.') : parts[0]];
}

const count = (operations) => {
  const counts = {};
  for (const name of operations) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

/** Whether every turn must come by: products, and loads of what they need. */
const isNeeded = ({ operations }) =>
  operations.some((name) => name === 'hmma' || name === 'ffma' || name === 'ld.global');

/**
 * The shortest way through a loop that comes by all that is needed, as the numbers of its blocks. So masks, and what is done where a
 * maximum rises, are left out. Inner loops count once.
 */
function wayThrough(blocks, first, last) {
  const best = [];
  for (let n = last; n >= first; n--) {
    if (!blocks[n]) continue;
    const ways = blocks[n].next.filter((next) => next > n && next <= last && best[next]).map((next) => best[next]);
    const rest =
      n === last ? { cost: 0, way: [] } : ways.reduce((a, b) => (b.cost < a.cost ? b : a), { cost: Infinity });
    if (rest.cost === Infinity) continue;
    const cost = rest.cost + blocks[n].operations.length - (isNeeded(blocks[n]) ? 1e6 : 0);
    best[n] = { cost, way: [n, ...rest.way] };
  }
  return best[first].way;
}

/** What a listing tells: registers of a lane, words that did not fit, and the operations of a turn of each loop that bounds the kernel. */
export function readListing(listing) {
  const { blocks, text } = blocksOf(listing);
  const number = (name) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)[1]);
  const loops = blocks
    .flatMap(({ next }, last) => next.filter((first) => first <= last).map((first) => ({ first, last })))
    .map((loop) => ({
      ...loop,
      all: count(blocks.slice(loop.first, loop.last + 1).flatMap((b) => b?.operations ?? [])),
    }))
    .sort((a, b) => a.last - a.first - (b.last - b.first));
  const most = (name) => Math.max(...loops.map(({ all }) => all[name] ?? 0));
  // On matrix units, the shortest loop that has most of the products; else the loops of products, which have no others inside.
  const products = loops.filter(({ all }) => all.ffma > 0.1 * most('ffma'));
  const isInnermost = (a) => !products.some((b) => b !== a && b.first >= a.first && b.last <= a.last);
  const main = most('hmma') ? [loops.find(({ all }) => all.hmma > 0.6 * most('hmma'))] : products.filter(isInnermost);
  const turns = main.map(({ first, last }) =>
    count(wayThrough(blocks, first, last).flatMap((n) => blocks[n].operations)),
  );
  return { registers: number('Num GPRs'), spills: number('Spills to mem'), turns };
}

// What a kernel does in a turn of the loops that bound it, from its blocks of instructions: {operations: string[], next: number[]} by number. The names
// of operations are those of nvk.mjs and nvcc.mjs: hmma is a product of matrices, ffma of numbers.

const count = (operations) => {
  const counts = {};
  for (const name of operations) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

/** Whether every turn must come by: products, and loads of what they need. */
const isNeeded = ({ operations }) =>
  operations.some((name) => name === 'hmma' || name === 'ffma' || name.startsWith('ld.global'));

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

/** The operations of a turn of each loop that bounds the kernel. */
export function turnsOf(blocks) {
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
  return main.map(({ first, last }) => count(wayThrough(blocks, first, last).flatMap((n) => blocks[n].operations)));
}

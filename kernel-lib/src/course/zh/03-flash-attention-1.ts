import type { Catalogue } from '../translate';

const tileSizes: Catalogue = {
  'tileSizes(M, d): { bc, br }, the rows of a tile of keys and of a tile of queries, for M numbers of on-chip memory and head size d.':
    'tileSizes(M, d)：返回 { bc, br }，即片上存储为 M 个数、头维度为 d 时，键分块与查询分块各有多少行。',
  'A tile of keys has bc rows of d numbers, so it takes bc * d numbers. Set that to a quarter of M, and solve for bc.':
    '一个键分块有 bc 行，每行 d 个数，共 bc * d 个数。令它等于 M 的四分之一，解出 bc。',
  'S has br * bc numbers and a tile of keys bc * d. Which br makes the first no larger than the second?':
    'S 有 br * bc 个数，键分块有 bc * d 个数。br 取多少，前者才不大于后者？',
  'bc = Math.ceil(M / (4 * d)), and br is the smaller one of bc and d.':
    'bc = Math.ceil(M / (4 * d))，br 是 bc 与 d 中较小的一个。',
  'The quotient is rounded down. The paper rounds up, and so there is always one row at least: Math.ceil.':
    '商被向下取整了。论文中是向上取整，这样至少总有一行：用 Math.ceil。',
  'br is never capped: where M is more than 4 d * d, S = br x bc gets larger than a tile of keys. br is at most d.':
    'br 没有上限：当 M 大于 4 d * d 时，S = br x bc 会大于键分块。br 最多为 d。',
  'br is the larger one of bc and d. Both are upper bounds, so it has to be the smaller one.':
    'br 取了 bc 与 d 中较大的一个。两者都是上界，应取较小的一个。',
  'br is always d: where M is less than 4 d * d that is more rows than the tile of keys has, and Q does not keep to its quarter.':
    'br 总是 d：当 M 小于 4 d * d 时，它比键分块的行数还多，Q 就超出了自己的四分之一。',
  'M / 4 * d is (M / 4) times d. The quarter has to be divided by d: M / (4 * d).':
    'M / 4 * d 是 (M / 4) 乘以 d。四分之一应除以 d：M / (4 * d)。',
  'M / 4 is the number of numbers in a quarter; a row has d of them, so divide by d, too.':
    'M / 4 是四分之一里数的个数；一行有 d 个数，所以还要除以 d。',
  'That many rows fill all of M with a single tile. Four tiles have to fit, a quarter of M for each.':
    '这么多行会让一个分块就占满 M。要放下四个分块，每个占 M 的四分之一。',
  'M is divided by the 4 bytes of a number once more, but M counts numbers already, not bytes.':
    'M 又除了一次每个数的 4 字节，但 M 本来就是数的个数，不是字节数。',
};

const update: Catalogue = {
  'update({ m, l, o }, s, v): { m, l, o } of a row after a tile of keys, with o divided by l before and after; s are its scores with these keys, v their values.':
    'update({ m, l, o }, s, v)：返回一行处理完一个键分块之后的 { m, l, o }；o 在前后都已除以 l；s 是该行与这些键的分数，v 是这些键的值。',
  'Line 10 first, as if the tile were alone: mTile, p = exp(s - mTile), lTile. Then line 11 merges the two sums as in notebook 1.':
    '先做第 10 行，就像只有这一个分块：mTile、p = exp(s - mTile)、lTile。然后第 11 行像第 1 课那样合并两个和。',
  'l * o is the plain sum that notebook 1 called o. Multiply, merge, divide by the new l.':
    'l * o 就是第 1 课中叫作 o 的未归一化的和。先乘，再合并，再除以新的 l。',
  'With a = exp(m - mNew) and b = exp(mTile - mNew): lNew = a * l + b * lTile, and o = (a * l * o + b * the sum of p[y] * v[y]) / lNew.':
    '令 a = exp(m - mNew)，b = exp(mTile - mNew)：lNew = a * l + b * lTile，o = (a * l * o + b * p[y] * v[y] 之和) / lNew。',
  'A tile in which every score is -Infinity has exp(-Infinity - (-Infinity)), which is NaN: return the state as it is.':
    '如果一个分块里所有分数都是 -Infinity，就会出现 exp(-Infinity - (-Infinity))，即 NaN：原样返回状态。',
  'The old o comes divided by the old l. Multiply it by l before anything is added to it.':
    '旧的 o 是除以旧的 l 之后的。在加上任何东西之前，先乘以 l。',
  'o is not divided by the new l. FlashAttention-1 keeps it divided all the time: line 12 begins with diag(l_new) to the power of -1.':
    'o 没有除以新的 l。FlashAttention-1 始终保存除过的 o：第 12 行以 diag(l_new) 的 -1 次方开头。',
  'The old part is not rescaled: its exponentials were taken from the old m, so l and l * o need the factor exp(m - mNew).':
    '旧的部分没有重新缩放：它的指数是相对于旧的 m 取的，所以 l 和 l * o 要乘以 exp(m - mNew)。',
  'The new part is not rescaled: p was taken from the maximum of the tile, so lTile and the sum of p * v need the factor exp(mTile - mNew).':
    '新的部分没有重新缩放：p 是相对于分块的最大值取的，所以 lTile 以及 p * v 之和要乘以 exp(mTile - mNew)。',
  'A tile in which every score is -Infinity gives NaN: -Infinity - (-Infinity) is NaN. Such a tile changes nothing.':
    '所有分数都是 -Infinity 的分块得到 NaN：-Infinity - (-Infinity) 是 NaN。这样的分块什么也不改变。',
};

const flash1: Catalogue = {
  'flash1(q, k, v, { br, bc }): { out, lse } of q, k, v (N,d), walking over the tiles as Algorithm 1 does; scores are q.k / sqrt(d), lse is m + log(l).':
    'flash1(q, k, v, { br, bc })：像算法 1 那样遍历分块，由 q、k、v (N,d) 得到 { out, lse }；分数是 q.k / sqrt(d)，lse 是 m + log(l)。',
  'Three loops: tiles of keys, in each of them tiles of queries, in each of these the rows. out, l and m have N entries and live outside of all loops.':
    '三层循环：键分块，其中是查询分块，再其中是各行。out、l 和 m 有 N 项，定义在所有循环之外。',
  'slice(j * bc, (j + 1) * bc) is a tile of keys; it ends at the end of the list by itself. Queries are cut by br, not by bc.':
    'slice(j * bc, (j + 1) * bc) 是一个键分块，它会自动在列表末尾截止。查询按 br 切分，不是按 bc。',
  'For each row: its scores with the keys of the tile, divided by sqrt(d); then what `update` does. No division after the loops: out is divided by l already.':
    '对每一行：先算它与分块中各键的分数，除以 sqrt(d)；再做 `update` 所做的事。循环之后不再除：out 已经除以 l 了。',
  'Tiles of queries begin at i * bc. That is the offset of the keys: tile i of the queries begins at i * br.':
    '查询分块从 i * bc 开始了。那是键的偏移：第 i 个查询分块从 i * br 开始。',
  'The last tile of keys is filled up with zeros, and these keys take part with the score 0. Keys that do not exist have the score -Infinity.':
    '最后一个键分块用零补齐了，而这些键以分数 0 参与了计算。不存在的键，分数应为 -Infinity。',
  'The last tile of keys is left out where N is no multiple of bc: there are ceil(N / bc) of them.':
    '当 N 不是 bc 的倍数时，最后一个键分块被漏掉了：键分块共有 ceil(N / bc) 个。',
  'The last tile of queries is left out where N is no multiple of br: there are ceil(N / br) of them.':
    '当 N 不是 br 的倍数时，最后一个查询分块被漏掉了：查询分块共有 ceil(N / br) 个。',
  'The old row of out comes divided by the old l. Multiply it by l before anything is added (line 12).':
    'out 的旧行是除以旧的 l 之后的。在加上任何东西之前，先乘以 l（第 12 行）。',
  'When a tile brings a larger maximum, what came before has to shrink: l and l * out need the factor exp(m - mNew).':
    '当一个分块带来更大的最大值时，之前的部分必须缩小：l 和 l * out 要乘以 exp(m - mNew)。',
  'out is divided by l in line 12 and again at the end. In FlashAttention-1 it is divided all the time.':
    'out 在第 12 行除以了 l，最后又除了一次。在 FlashAttention-1 中它始终是除过的。',
  'The scores are not divided by sqrt(d).': '分数没有除以 sqrt(d)。',
  'lse is log(l) alone: l was summed from exp(s - m), so m has to be added.':
    'lse 只取了 log(l)：l 是 exp(s - m) 的和，所以还要加上 m。',
};

const wgsl: Catalogue = {
  'flash1Wgsl: WGSL of one head in which thread t does lines 9 to 13 for row i, with tile_k and tile_v on chip and o, l and m in device memory.':
    'flash1Wgsl：一个头的 WGSL，线程 t 对第 i 行做第 9 到 13 行；tile_k 和 tile_v 在片上，o、l 和 m 在设备内存中。',
  'Four loops over the keys or columns: scores and their maximum; p and its sum; then, for each column x, the sum of p * v. Between the second and the third come m_new, l_new and the two factors.':
    '关于键或列的循环有四个：分数及其最大值；p 及其和；然后对每一列 x，求 p * v 之和。第二个与第三个之间是 m_new、l_new 和两个因子。',
  'tile_s[t * bc + y] keeps what this thread has for key y: first the score, then p in its place. y goes up to keys, not up to bc.':
    'tile_s[t * bc + y] 保存本线程对键 y 的结果：先是分数，然后在原处换成 p。y 到 keys 为止，不是到 bc。',
  'Take exp(m[i] - m_new) before m[i] is overwritten, and multiply the old o[i * d + x] by that and by the old l[i].':
    '在覆盖 m[i] 之前先取 exp(m[i] - m_new)，并把旧的 o[i * d + x] 乘以它和旧的 l[i]。',
  'o[i * d + x] = (shrink * l[i] * o[i * d + x] + grow * sum) / l_new, with shrink = exp(m[i] - m_new) and grow = exp(m_tile - m_new); after the loop l[i] = l_new and m[i] = m_new.':
    'o[i * d + x] = (shrink * l[i] * o[i * d + x] + grow * sum) / l_new，其中 shrink = exp(m[i] - m_new)，grow = exp(m_tile - m_new)；循环之后 l[i] = l_new，m[i] = m_new。',
  'A loop over the keys runs to bc. In the last tile the rows from `keys` on hold zeros or the keys of the tile before, and they are counted: run to keys.':
    '关于键的循环到了 bc。在最后一个分块里，从 `keys` 起的行是零或上一个分块的键，它们也被算进去了：应到 keys 为止。',
  'The scores are not divided by sqrt(f32(d)).': '分数没有除以 sqrt(f32(d))。',
  'The old o is not multiplied by the old l[i], by which it was divided when it was stored.':
    '旧的 o 没有乘以旧的 l[i]，而它存入时是除以 l[i] 的。',
  'The old part is not rescaled. Either the factor exp(m[i] - m_new) is missing, or m[i] is overwritten before it is taken.':
    '旧的部分没有重新缩放。要么缺了因子 exp(m[i] - m_new)，要么 m[i] 在取因子之前就被覆盖了。',
  'The new part is not rescaled: p was taken from m_tile, so l_tile and the sum of p * v need the factor exp(m_tile - m_new).':
    '新的部分没有重新缩放：p 是相对于 m_tile 取的，所以 l_tile 以及 p * v 之和要乘以 exp(m_tile - m_new)。',
  'o is not divided by l_new.': 'o 没有除以 l_new。',
  'm[i] is never stored, so that every tile of keys believes that it is the first one.':
    'm[i] 从未存入，于是每个键分块都以为自己是第一个。',
};

export const flashAttention1: Catalogue = { ...tileSizes, ...update, ...flash1, ...wgsl };

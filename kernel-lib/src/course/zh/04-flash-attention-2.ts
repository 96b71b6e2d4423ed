import type { Catalogue } from '../translate';

export const flashAttention2: Catalogue = {
  'flash2(q, k, v, { br, bc }): { out, lse } of attention with scale 1/sqrt(D), a tile of br queries after the other, each over tiles of bc keys.':
    'flash2(q, k, v, { br, bc })：返回 { out, lse }，即缩放因子为 1/sqrt(D) 的注意力；每次处理 br 个查询的分块，每块依次经过 bc 个键的分块。',
  'Two loops: for (i0 = 0; i0 < Nq; i0 += br) outside, for (j0 = 0; j0 < Nk; j0 += bc) inside. m, l and acc of the br queries are made new in each turn of the outer loop.':
    '两层循环：外层 for (i0 = 0; i0 < Nq; i0 += br)，内层 for (j0 = 0; j0 < Nk; j0 += bc)。这 br 个查询的 m、l 和 acc 在外层循环的每一轮重新建立。',
  'slice(i0, i0 + br) and slice(j0, j0 + bc) end at the end of the list, so the last tiles are shorter by themselves.':
    'slice(i0, i0 + br) 和 slice(j0, j0 + bc) 到列表末尾为止，所以最后的分块自然较短。',
  'In the inner loop, for each row r of the tile: next = max(m[r], its scores), p = exp(s - next), alpha = exp(m[r] - next), l[r] = alpha * l[r] + sum(p), acc[r] = alpha * acc[r] + the sum of p[j] * v[j], m[r] = next.':
    '在内层循环中，对分块的每一行 r：next = max(m[r], 该行的分数)，p = exp(s - next)，alpha = exp(m[r] - next)，l[r] = alpha * l[r] + sum(p)，acc[r] = alpha * acc[r] + p[j] * v[j] 之和，m[r] = next。',
  'Behind the inner loop, for each row: out = acc[r] / l[r] and lse = m[r] + Math.log(l[r]).':
    '内层循环之后，对每一行：out = acc[r] / l[r]，lse = m[r] + Math.log(l[r])。',
  'acc is not rescaled: what it holds was summed with the old maximum. When m grows, acc is multiplied by exp(mOld - mNew), as l is.':
    'acc 没有重新缩放：其中的和是用旧的最大值算的。m 变大时，acc 要和 l 一样乘以 exp(mOld - mNew)。',
  'acc is divided by exp(mOld - mNew); it has to be multiplied by it. (Printed versions of the paper have an inverse in that line. With it the first tile gives 0 * Infinity, which is NaN.)':
    'acc 除以了 exp(mOld - mNew)；应当乘以它。（论文的印刷版在这一行写的是倒数。照那样做，第一个分块就得到 0 * Infinity，也就是 NaN。）',
  'acc is rescaled when the maximum grows, l is not.': '最大值变大时 acc 重新缩放了，l 没有。',
  'acc is divided by l in every tile, so what was divided before is divided again. FlashAttention-2 divides once, after the inner loop.':
    'acc 在每个分块里都除以 l，先前除过的又被除了一遍。FlashAttention-2 只在内层循环之后除一次。',
  'out is right. lse is m + l, but the logarithm of exp(m) * l is m + log(l).':
    'out 是对的。lse 写成了 m + l，但 exp(m) * l 的对数是 m + log(l)。',
  'out is right. lse is log(l), but l is the sum of exp(s - m): the m that was subtracted has to be added again.':
    'out 是对的。lse 写成了 log(l)，但 l 是 exp(s - m) 之和：减去的 m 要加回来。',
  'The last tile of keys is left out where Nk is no multiple of bc.':
    '当 Nk 不是 bc 的倍数时，最后一个键分块被漏掉了。',
  'The last tile of queries is left out where Nq is no multiple of br.':
    '当 Nq 不是 br 的倍数时，最后一个查询分块被漏掉了。',
  'The scores are not scaled: s = q . k / sqrt(D).': '分数没有缩放：s = q . k / sqrt(D)。',
  'ioFlash1({ N, d, br, bc }): { reads, writes }, the elements that FlashAttention-1 moves for one head, exactly.':
    'ioFlash1({ N, d, br, bc })：返回 { reads, writes }，即 FlashAttention-1 为一个头搬运的元素个数，要精确。',
  'Three parts: before the loops (out, l and m are set), the loops, and after them (l and m are read, lse is written).':
    '分三部分：循环之前（给 out、l 和 m 赋初值），循环之中，循环之后（读 l 和 m，写 lse）。',
  'K and V cross once, whatever the tiles are. In each of the Tc turns of the outer loop all N rows of q, out, l and m are read, and all of out, l and m are written; it does not matter into how many tiles the queries are cut.':
    '无论怎样分块，K 和 V 都只经过一次。在外层循环的 Tc 轮中，每一轮都读 q、out、l 和 m 的全部 N 行，并写 out、l 和 m 的全部；查询切成多少个分块并不要紧。',
  'With Tc = Math.ceil(N / bc): reads = 2Nd + Tc (2Nd + 2N) + 2N, writes = (Nd + 2N) + Tc (Nd + 2N) + N.':
    '设 Tc = Math.ceil(N / bc)：reads = 2Nd + Tc (2Nd + 2N) + 2N，writes = (Nd + 2N) + Tc (Nd + 2N) + N。',
  'The loops are right. What is missing is before and after them: out, l and m are set once, and at the end l and m are read and lse is written.':
    '循环是对的。缺的是循环之前和之后的部分：out、l 和 m 要先写一次，最后还要读 l 和 m 并写 lse。',
  'out, l and m are read in the first turn already, so somebody has set them before: Nd + 2N writes.':
    '第一轮就要读 out、l 和 m，所以在此之前必须有人写过它们：Nd + 2N 次写。',
  'The last pass is missing: it reads l and m of all queries and writes lse.':
    '缺少最后一遍：它读所有查询的 l 和 m，并写 lse。',
  'l and m cross as out does: 2 numbers of every query are read and written in each turn of the outer loop.':
    'l 和 m 与 out 一样要往返：在外层循环的每一轮中，每个查询的这两个数都要读和写。',
  'out is only written, but the new out is made from the old one: it is read again in each turn of the outer loop.':
    'out 只写不读，但新的 out 是由旧的 out 算出来的：在外层循环的每一轮中都要再读一次。',
  'q is read once, but the loop over the queries is inside: all of q is read again for every tile of keys.':
    'q 只读了一次，但对查询的循环在内层：对每个键分块都要把整个 q 再读一遍。',
  'The last tile is rounded up to a whole one. Rows that do not exist do not cross: however the N rows are cut, N of them are read.':
    '最后一个分块被当作整块来算了。不存在的行不会搬运：不管 N 行怎样切，读的都是 N 行。',
  'The number of turns is that of the query tiles, ceil(N / br). The outer loop of FlashAttention-1 runs over tiles of keys: ceil(N / bc).':
    '轮数用成了查询分块的个数 ceil(N / br)。FlashAttention-1 的外层循环遍历键分块：ceil(N / bc)。',
  'N / bc is not rounded up: a last tile with fewer keys takes a whole turn, too.':
    'N / bc 没有向上取整：最后一个键较少的分块也要占一整轮。',
  'ioFlash2({ N, d, br, bc }): { reads, writes }, the elements that FlashAttention-2 moves for one head, exactly.':
    'ioFlash2({ N, d, br, bc })：返回 { reads, writes }，即 FlashAttention-2 为一个头搬运的元素个数，要精确。',
  'What is on chip while the inner loop runs, and so crosses once? What passes by, and how often?':
    '内层循环运行时，什么留在片上，因而只经过一次？什么依次经过，经过多少次？',
  'q is read once; out and lse are written once and never read. All N rows of K and V are read in each turn of the outer loop.':
    'q 读一次；out 和 lse 写一次，从不读。在外层循环的每一轮中都要读 K 和 V 的全部 N 行。',
  'With Tr = Math.ceil(N / br): reads = Nd + Tr 2Nd, writes = Nd + N.':
    '设 Tr = Math.ceil(N / br)：reads = Nd + Tr 2Nd，writes = Nd + N。',
  'K and V are read once, but their loop is inside now: all of K and V is read again for every tile of queries.':
    'K 和 V 只读了一次，但现在它们的循环在内层：对每个查询分块都要把整个 K 和 V 再读一遍。',
  'The number of turns is that of the key tiles, ceil(N / bc). The outer loop of FlashAttention-2 runs over tiles of queries: ceil(N / br).':
    '轮数用成了键分块的个数 ceil(N / bc)。FlashAttention-2 的外层循环遍历查询分块：ceil(N / br)。',
  'q is read for every tile of keys, but it stays on chip while the keys pass by: once is enough.':
    '对每个键分块都读了 q，但键经过时 q 留在片上：读一次就够了。',
  'The reads are right. lse is missing among the writes: one number a query.':
    '读的次数是对的。写的次数里缺少 lse：每个查询一个数。',
  'The reads are right. Two numbers a query are written beside out, but m and l never leave the chip: only lse does.':
    '读的次数是对的。除 out 之外每个查询写了两个数，但 m 和 l 从不离开芯片：离开的只有 lse。',
  'The last tile is rounded up to a whole one. Rows that do not exist do not cross: however the N rows are cut, N of them are read or written.':
    '最后一个分块被当作整块来算了。不存在的行不会搬运：不管 N 行怎样切，读写的都是 N 行。',
  'N / br is not rounded up: a last tile with fewer queries reads all of K and V, too.':
    'N / br 没有向上取整：最后一个查询较少的分块也要读整个 K 和 V。',
  'tileKind({ Nq, Nk, br, bc }, queryTile, keyTile): 0 for an empty tile, 1 for a partial, 2 for a full one, where query i sees the keys j <= i + Nk - Nq.':
    'tileKind({ Nq, Nk, br, bc }, queryTile, keyTile)：空分块为 0，部分的为 1，满的为 2；查询 i 看得见的键 j 满足 j <= i + Nk - Nq。',
  'The tile holds queries i0 to i1 and keys j0 to j1, all included. i0 = queryTile * br; what is j1 in the last tile, which may have fewer than bc keys?':
    '分块含查询 i0 到 i1、键 j0 到 j1，两端都包括在内。i0 = queryTile * br；最后一个分块的键可能不足 bc 个，那里 j1 是多少？',
  'i1 = Math.min(i0 + br, Nq) - 1 and j1 = Math.min(j0 + bc, Nk) - 1. If even the last query does not see the first key, no query of the tile sees anything.':
    'i1 = Math.min(i0 + br, Nq) - 1，j1 = Math.min(j0 + bc, Nk) - 1。如果连最后一个查询都看不见第一个键，分块里的查询就什么也看不见。',
  'Empty: j0 > i1 + Nk - Nq. Full: j1 <= i0 + Nk - Nq. All others are partial.':
    '空的：j0 > i1 + Nk - Nq。满的：j1 <= i0 + Nk - Nq。其余都是部分的。',
  'That is the mask j <= i, aligned at the top left. Here the last query is level with the last key: add Nk - Nq.':
    '这是以左上角对齐的掩码 j <= i。这里最后一个查询与最后一个键对齐：要加上 Nk - Nq。',
  'The shift has the wrong sign: it is Nk - Nq, so that more keys than queries let every query see more.':
    '偏移的符号反了：应为 Nk - Nq，键比查询多时，每个查询看得见的键更多。',
  'Off by one: query i sees key i + Nk - Nq itself, so a tile whose last key is exactly there for its first query is full.':
    '差了一：查询 i 看得见键 i + Nk - Nq 本身，所以最后一个键恰好位于第一个查询的边界上的分块是满的。',
  'Off by one: i0 + br is the first query after the tile. The last one in it is one less, and so a tile that you call partial is empty.':
    '差了一：i0 + br 是分块之后的第一个查询。分块中的最后一个要再减一，所以你判为部分的某个分块其实是空的。',
  'The last tile of keys is taken for a whole one. It ends at Nk - 1: keys that do not exist are not forbidden.':
    '最后一个键分块被当作整块了。它到 Nk - 1 为止：不存在的键不算被禁止。',
  'No tile is full. A tile in which every query sees every key needs no mask at all: that is kind 2.':
    '没有一个分块被判为满的。每个查询都看得见每个键的分块根本不需要掩码：那是第 2 类。',
  'flash2Code: WGSL that writes out and lse of H heads of size 16, a workgroup for 32 queries of a head, K and V by tiles in workgroup memory.':
    'flash2Code：WGSL 代码，为 H 个宽度为 16 的头写出 out 和 lse；每个工作组处理一个头的 32 个查询，K 和 V 分块放在工作组存储里。',
  'The first gap is lines 7 to 13 of the algorithm for one row: the thread has its query in qi, the tile in tile_k and tile_v, and its state in m, l and acc.':
    '第一处空缺是算法的第 7 到 13 行，只算一行：线程的查询在 qi 中，分块在 tile_k 和 tile_v 中，状态在 m、l 和 acc 中。',
  'Two loops over the keys of the tile: the first makes s[j] and the new maximum, the second p = exp(s[j] - m) and the sums. Between them l and every acc[c] are multiplied by exp(mOld - mNew).':
    '对分块的键做两遍循环：第一遍算 s[j] 和新的最大值，第二遍算 p = exp(s[j] - m) 以及各个和。在两遍之间，l 和每个 acc[c] 都乘以 exp(mOld - mNew)。',
  'Only the first `keys` rows of the tile are keys; behind them lies what an earlier tile left, or zeros.':
    '分块中只有前 `keys` 行是键；其后是先前的分块留下的数，或者零。',
  'The second gap: for each c, out[row * D + c] = acc[c] / l; and lse[row] = m + log(l).':
    '第二处空缺：对每个 c，out[row * D + c] = acc[c] / l；以及 lse[row] = m + log(l)。',
  'All BC rows of the tile are taken for keys. The last tile may have fewer: what lies behind its first `keys` rows is old or zero, and a score of 0 is no score.':
    '分块的 BC 行全被当成了键。最后一个分块的键可能较少：前 `keys` 行之后是旧数据或零，而分数 0 并不等于没有分数。',
  'acc is not rescaled: when m grows, every acc[c] is multiplied by exp(mOld - mNew), as l is.':
    'acc 没有重新缩放：m 变大时，每个 acc[c] 都要和 l 一样乘以 exp(mOld - mNew)。',
  'l is not rescaled: when m grows, it is multiplied by exp(mOld - mNew), as acc is.':
    'l 没有重新缩放：m 变大时，它要和 acc 一样乘以 exp(mOld - mNew)。',
  'lse is right, but acc is written as it is: out is acc divided by l.':
    'lse 是对的，但 acc 原样写了出去：out 是 acc 除以 l。',
  'out is right. lse is log(l), but the sum was made of exp(s - m): m is missing.':
    'out 是对的。lse 写成了 log(l)，但那个和是 exp(s - m) 之和：缺少 m。',
  'The scores are not scaled; the stub keeps q already multiplied by 1/sqrt(D) in qi: use that.':
    '分数没有缩放；空缺之外的代码已把 q 乘以 1/sqrt(D) 存在 qi 中：用它。',
  'out is right. lse is m alone: log(l) is missing.': 'out 是对的。lse 只写成了 m：缺少 log(l)。',
};

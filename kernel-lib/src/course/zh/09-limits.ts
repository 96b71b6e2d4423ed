import type { Catalogue } from '../translate';

const splitTraffic: Catalogue = {
  'splitTraffic({ warps, br, d }): numbers written to and read from workgroup memory to merge the partial results of one tile, where warps cut its keys (splitK) or its queries (splitQ).':
    'splitTraffic({ warps, br, d })：各个 warp 切分一个分块的键（splitK）或查询（splitQ）时，为合并部分结果而写入和读出工作组内存的数的个数。',
  'If warps own whole rows, what is there to merge? If each warp has a part of the keys of every row, what does it know of each row?':
    '如果每个 warp 拥有整行，有什么要合并？如果每个 warp 对每一行都只有一部分键，它对每一行知道些什么？',
  'A partial result of a row is m, l and the d numbers of o. Each warp has one for every row; each is written once and read once.':
    '一行的部分结果是 m、l 和 o 的 d 个数。每个 warp 对每一行各有一份；每份写一次，读一次。',
  '2 * warps * br * (d + 2) for cut keys, 0 for cut queries. And with a single warp?':
    '切键是 2 * warps * br * (d + 2)，切查询是 0。只有一个 warp 时呢？',
  'One warp has all the keys: it has nothing to merge, and writes nothing.':
    '只有一个 warp 时，所有的键都归它：没有什么要合并，什么也不写。',
  'm and l are missing: without them the parts of o cannot be merged.': '缺了 m 和 l：没有它们，o 的各部分无法合并。',
  'Half of it: what is written has to be read as well.': '只有一半：写出的还要读回来。',
  'Where the queries are cut, a warp sees all the keys of its rows: splitQ is 0.':
    '切查询时，一个 warp 看得到它各行的所有键：splitQ 是 0。',
};

const rescaleWork: Catalogue = {
  'rescaleWork({ N, bc, d }): multiplications and divisions of numbers of O by factors or by l for one row of N keys in tiles of bc, for both versions.':
    'rescaleWork({ N, bc, d })：一行有 N 个键，每个分块 bc 个；两个版本各把 O 的数乘以因子或除以 l 多少次。',
  'How many tiles are there? Then: which operations happen in each of them, and which once?':
    '有多少个分块？然后：哪些运算每个分块都做，哪些只做一次？',
  'Version 1, in each tile: the old O times its factor, the product of the tile times its factor, the division by l: three times d.':
    '第 1 版，每个分块：旧的 O 乘以它的因子，该分块的乘积乘以它的因子，再除以 l：三个 d。',
  'Version 2, in each tile: the old O times its factor. After the last one: d divisions.':
    '第 2 版，每个分块：旧的 O 乘以它的因子。最后一个分块之后：d 次除法。',
  'The last tile, which may be ragged, is a tile as well: round N / bc up.':
    '最后一个分块可能不满，但也是一个分块：N / bc 要向上取整。',
  'Version 2 divides by l as well: once, after the last tile.': '第 2 版也要除以 l：在最后一个分块之后，一次。',
  'Version 1 has three operations a tile for each number of O: the old O times a factor, the new product times a factor, and a division.':
    '第 1 版对 O 的每个数，每个分块有三次运算：旧的 O 乘以因子，新的乘积乘以因子，再做一次除法。',
  'A row of O has d numbers; each of them is multiplied or divided.': 'O 的一行有 d 个数；每个都要乘或除。',
};

const pipelineTime: Catalogue = {
  'pipelineTime({ tiles, g, e }): when the softmax of the last tile ends, if each tile takes g for its products and then e for its softmax, serial and overlapped.':
    'pipelineTime({ tiles, g, e })：每个分块的乘积用时 g，然后 softmax 用时 e，求最后一个分块的 softmax 结束的时刻：串行（serial）与重叠（overlapped）。',
  'Serial is simple. Overlapped: draw three tiles for g > e, and three for g < e. Which unit never waits?':
    '串行很简单。重叠：g > e 时画三个分块，g < e 时也画三个。哪个单元从不等待？',
  'The products of the first tile come before everything, the softmax of the last tile after everything; in between the slower unit sets the pace.':
    '第一个分块的乘积在一切之前，最后一个分块的 softmax 在一切之后；中间由较慢的单元决定节奏。',
  'overlapped = g + (tiles - 1) * max(g, e) + e.':
    'overlapped = g + (tiles - 1) * max(g, e) + e，即首尾各一段，中间看较慢的。',
  'The two ends are missing: before the first softmax there is a product, and after the last product a softmax.':
    '缺了首尾：第一个 softmax 之前有一个乘积，最后一个乘积之后有一个 softmax。',
  'That holds only where products take longer than softmax; where softmax does, it sets the pace.':
    '这只在乘积比 softmax 久时成立；softmax 更久时，由它决定节奏。',
  'Overlapping does not halve the time: that would need two equal units and no ends.':
    '重叠并不会把时间减半：那需要两个单元用时相等，而且没有首尾。',
};

const hadamard: Catalogue = {
  'hadamard(x): the product of the Hadamard matrix H, which is orthogonal, with a list whose length is a power of two.':
    'hadamard(x)：正交的 Hadamard 矩阵 H 与一组数的乘积，数的个数是 2 的幂。',
  'H of size 2n consists of four blocks of size n: what are the first and the second half of H x, given H of the two halves of x?':
    '大小为 2n 的 H 由四个大小为 n 的块组成：已知 H 作用于 x 的两半的结果，H x 的前一半和后一半各是什么？',
  'First half: (H a + H b) / sqrt(2), second half: (H a - H b) / sqrt(2), for x = (a, b).':
    '设 x = (a, b)，前一半是 (H a + H b) / sqrt(2)，后一半是 (H a - H b) / sqrt(2)。',
  'Without recursion: for half = 1, 2, 4, … replace y[n] and y[n + half] by their sum and difference, for every n without the bit half; divide by sqrt(N) at the end.':
    '不用递归：对 half = 1、2、4……，凡是 n 中没有 half 这一位，就把 y[n] 和 y[n + half] 换成它们的和与差；最后除以 sqrt(N)。',
  'The factor 1/sqrt(N) is missing: H must be orthogonal, so that it leaves lengths as they are.':
    '缺了因子 1/sqrt(N)：H 必须是正交的，这样才不改变长度。',
  'Divided by N: it is sqrt(N), a factor 1/sqrt(2) for each doubling.':
    '除成了 N：应该是 sqrt(N)，每翻一倍有一个因子 1/sqrt(2)。',
  'Only neighbours are combined. There are log2(N) steps, each with partners twice as far apart.':
    '只组合了相邻的数。一共有 log2(N) 步，每一步配对的距离都是上一步的两倍。',
  'The lower right block has the sign minus: the second half is a difference.': '右下角的块带负号：后一半是差。',
};

const lazyRescale: Catalogue = {
  'lazyAttention(s, v, bc, tau): { out, rescales }, a row of attention whose m, l and o are rescaled only where a block exceeds m by more than tau.':
    'lazyAttention(s, v, bc, tau)：返回 { out, rescales }，即一行注意力；只有当一块超过 m 多于 tau 时，才更新 m 并重新缩放 l 和 o。',
  'Begin with onlineAttention of notebook 1 and put its rescaling behind a condition.':
    '从第 1 课的 onlineAttention 开始，给其中的重新缩放加上一个条件。',
  'If top > m + tau: multiply l and o by exp(m - top) and let m be top. In any case p = exp(s - m) with the m that is kept now.':
    '如果 top > m + tau：把 l 和 o 乘以 exp(m - top)，并令 m 为 top。无论如何，p = exp(s - m) 用的都是现在保留的 m。',
  'In the first block m is -Infinity, so the condition holds, but nothing is rescaled: do not count it.':
    '第一块中 m 是 -Infinity，所以条件成立，但没有什么被重新缩放：不要计数。',
  'The threshold is left out: there is a rescaling whenever the maximum grows at all.':
    '漏了阈值：最大值只要一增长就重新缩放了。',
  'The largest score itself is compared with tau. What counts is by how much it exceeds the m that is kept.':
    '与 tau 比较的是最大的分数本身。要看的是它超过所保留的 m 多少。',
  'o is rescaled, l is not.': 'o 重新缩放了，l 没有。',
  'p is taken from the largest score of its block although m stays: all of p, l and o must be measured from one m.':
    'm 没有变，p 却是用该块最大的分数算的：p、l 和 o 必须相对于同一个 m。',
  'out is right. The first block is counted, but there is nothing to be rescaled in it.':
    'out 是对的。第一块被计数了，但其中没有什么可以重新缩放。',
};

export const limits: Catalogue = { ...splitTraffic, ...rescaleWork, ...pipelineTime, ...hadamard, ...lazyRescale };

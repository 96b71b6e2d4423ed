import type { Catalogue } from '../translate';

export const standardAttention: Catalogue = {
  'naiveAttention(q, k, v): { s, p, out } of s = q kᵀ / sqrt(D), p = softmax of each row of s, out = p v.':
    'naiveAttention(q, k, v)：返回 { s, p, out }，其中 s = q kᵀ / sqrt(D)，p 是 s 每一行的 softmax，out = p v。',
  's[i][j] is the inner product of row i of q and row j of k, divided by sqrt(D); D is the length of a row of q.':
    's[i][j] 是 q 的第 i 行与 k 的第 j 行的内积除以 sqrt(D)；D 是 q 一行的长度。',
  'Each row of p is the safe softmax of the same row of s: it has one entry for each key, and sums to 1.':
    'p 的每一行是 s 同一行的安全 softmax：每个键对应一个分量，和为 1。',
  'out[i][c] is the sum over j of p[i][j] * v[j][c]; its rows are as long as those of v, which need not be D.':
    'out[i][c] 是 p[i][j] * v[j][c] 对 j 求和；它的行与 v 的行一样长，不一定等于 D。',
  'The scores are not scaled: s = q kᵀ / sqrt(D).': '分数没有缩放：s = q kᵀ / sqrt(D)。',
  'The scores are divided by D, not by its square root.': '分数除以了 D，而不是 D 的平方根。',
  'p and out are right, but s is given as it was before scaling: s = q kᵀ / sqrt(D).':
    'p 和 out 是对的，但返回的 s 是缩放之前的：s = q kᵀ / sqrt(D)。',
  'Softmax runs over the queries, so that columns of p sum to 1. It has to run over the keys: every row sums to 1.':
    'softmax 是沿查询方向做的，于是 p 的各列之和为 1。它应当沿键的方向做：每一行之和为 1。',
  'The maximum of the row is not subtracted before exp, so that large scores overflow and very negative ones give 0 / 0.':
    '取 exp 之前没有减去该行的最大值：分数很大时会溢出，非常负时得到 0 / 0。',
  'The rows of p are exponentials that are not divided by their sum.': 'p 的各行只是指数，没有除以它们的和。',
  'out is made with pᵀ: the weight of value j for query i is p[i][j], not p[j][i].':
    'out 用的是 pᵀ：对查询 i，值 j 的权重是 p[i][j]，不是 p[j][i]。',
  'out is made with vᵀ: component c of value j is v[j][c], not v[c][j].':
    'out 用的是 vᵀ：值 j 的第 c 个分量是 v[j][c]，不是 v[c][j]。',
  'attentionFlops({ B, H, Nq, Nk, D }): floating-point operations of the two products of forward attention, a multiply-add being two.':
    'attentionFlops({ B, H, Nq, Nk, D })：注意力前向两个矩阵乘积的浮点运算次数，一次乘加算两次运算。',
  'An (a x b) matrix times a (b x c) matrix takes a multiply-add for each of a * b * c triples.':
    '(a x b) 矩阵乘以 (b x c) 矩阵，要对 a * b * c 个三元组各做一次乘加。',
  'q kᵀ is (Nq x D) times (D x Nk), p v is (Nq x Nk) times (Nk x D); both are done for each of the B * H heads.':
    'q kᵀ 是 (Nq x D) 乘 (D x Nk)，p v 是 (Nq x Nk) 乘 (Nk x D)；B * H 个头每个都要做这两个乘积。',
  'Each product takes 2 * Nq * Nk * D operations in a head; there are two products and B * H heads.':
    '每个头里每个乘积需要 2 * Nq * Nk * D 次运算；共有两个乘积、B * H 个头。',
  'That is half of it: either a multiply-add counts as one operation and not as two, or there is only one of the two products.':
    '这只有一半：要么把一次乘加算成了一次而不是两次运算，要么只算了两个乘积中的一个。',
  'That is a quarter of it: there are two products, and each multiply-add is two operations.':
    '这只有四分之一：有两个乘积，而每次乘加是两次运算。',
  'Nq² stands where the number of scores should be: every query meets every key, which makes Nq * Nk.':
    '分数的个数写成了 Nq²：每个查询都要与每个键相遇，共 Nq * Nk 个。',
  'That is for one head of each batch entry; there are H of them, and D is the size of one.':
    '这只是批中每个序列的一个头；共有 H 个头，而 D 是一个头的大小。',
  'That is for one entry of the batch; there are B of them.': '这只是批中的一个序列；共有 B 个。',
  'A sum of D products has D - 1 additions, but the usual count takes a multiply-add for each product, as a sum that begins at 0 does: 2 D operations.':
    'D 个乘积之和只有 D - 1 次加法，但通常的算法是每个乘积算一次乘加（和从 0 开始）：2 D 次运算。',
  'Softmax is counted, too; asked are the two products alone.': '把 softmax 也算进去了；这里只问两个乘积。',
  'standardTraffic({ N, D, bytes }): { reads, writes } in bytes, of the three passes over one head, with elements of that many bytes.':
    'standardTraffic({ N, D, bytes })：返回 { reads, writes }，即三遍处理一个头时读写的字节数，每个元素占 bytes 个字节。',
  'Go through the passes one by one: which matrices does each load, which does it store? Q, K, V and O have N * D elements, S and P have N * N.':
    '逐遍来看：每一遍加载哪些矩阵，写回哪些矩阵？Q、K、V、O 各有 N * D 个元素，S 和 P 各有 N * N 个。',
  'Pass 1 loads Q and K and stores S; pass 2 loads S and stores P; pass 3 loads P and V and stores O.':
    '第 1 遍加载 Q、K，写回 S；第 2 遍加载 S，写回 P；第 3 遍加载 P、V，写回 O。',
  'Loaded are three matrices of N * D and two of N * N, stored one of N * D and two of N * N; every element has `bytes` bytes.':
    '加载三个 N * D 的和两个 N * N 的矩阵，写回一个 N * D 的和两个 N * N 的矩阵；每个元素占 bytes 个字节。',
  'These are elements; asked are bytes.': '这是元素个数；要求的是字节数。',
  'S and P are two matrices: pass 2 loads S and stores P, pass 3 loads P. One of them is missing.':
    'S 和 P 是两个矩阵：第 2 遍加载 S 并写回 P，第 3 遍加载 P。漏了其中一个。',
  'S and P are counted where they are stored, but not where the next pass loads them.':
    'S 和 P 在写回时计入了，但下一遍加载它们时没有计入。',
  'Only the storing of S is counted: S is loaded again, P is stored, and P is loaded again.':
    '只计入了 S 的写回：S 还要再加载，P 要写回，P 还要再加载。',
  'Both S and P are loaded: S by pass 2, P by pass 3. One of the two loads is missing.':
    'S 和 P 都要加载：第 2 遍加载 S，第 3 遍加载 P。漏了其中一次加载。',
  'Here only Q, K, V and O cross. That is the least that attention can move; the three passes move S and P as well.':
    '这里只有 Q、K、V、O 经过。这是注意力搬运量的下限；三遍处理还要搬运 S 和 P。',
  'S and P are right; Q, K, V and O cross as well, once each.': 'S 和 P 是对的；Q、K、V、O 也要各经过一次。',
  'Reads and writes are the wrong way round: three of the N x D matrices are loaded, and one is stored.':
    '读和写弄反了：N x D 的矩阵有三个被加载，一个被写回。',
  'rooflineSeconds({ flops, bytes, peakFlops, bandwidth }): the least seconds that the work can take on a machine that computes and moves at the same time.':
    'rooflineSeconds({ flops, bytes, peakFlops, bandwidth })：在计算与搬运同时进行的机器上，完成这项工作至少需要的秒数。',
  'How many seconds would the FLOPs take if memory were infinitely fast? How many would the bytes take if arithmetic were?':
    '如果内存无限快，这些浮点运算需要几秒？如果运算无限快，这些字节需要几秒？',
  'flops / peakFlops and bytes / bandwidth run side by side; the work is done when the slower of the two is.':
    'flops / peakFlops 与 bytes / bandwidth 同时进行；较慢的那个完成时工作才完成。',
  'The larger of the two.': '取两者中较大的。',
  'The two times are added, as if nothing moved while something is computed. They overlap.':
    '把两个时间相加了，好像计算时什么都不搬运。它们是重叠的。',
  'That is the smaller of the two times, which a comparison of the intensity the wrong way round gives as well. The work waits for the slower one.':
    '这是两个时间中较小的那个；把计算强度比反了也会得到它。工作要等较慢的那个。',
  'Only the arithmetic is counted: bytes take time, too.': '只算了运算：搬运字节也要时间。',
  'Only the moving is counted: where there is much to compute for each byte, arithmetic takes longer.':
    '只算了搬运：当每个字节对应很多计算时，运算花的时间更长。',
  'That is the rate in FLOP/s that can be reached; asked are seconds.': '这是能达到的速率（FLOP/s）；要求的是秒数。',
  'fusedRows(memory): stores out, attention of q, k and v in the memory, loading every element of q, k and v once and storing nothing else.':
    'fusedRows(memory)：由 memory 中的 q、k、v 算出注意力并写回 out；q、k、v 的每个元素只加载一次，除 out 外什么都不写回。',
  'Load k and v once, before a loop over the queries; memory.rows("q") tells how many there are, and costs nothing.':
    '在对查询的循环之前把 k 和 v 加载一次；memory.rows("q") 给出查询的个数，不产生流量。',
  'For query i: load row i of q, compute its scores against all keys, their softmax, and the weighted sum of the rows of v, in variables.':
    '对查询 i：加载 q 的第 i 行，在变量里算出它与所有键的分数、这些分数的 softmax，以及 v 各行的加权和。',
  'Store that one row: memory.store("out", [row], i).': '写回这一行：memory.store("out", [row], i)。',
  'These are the three passes: S and P still go to device memory and come back. Keep the scores of a row in a variable.':
    '这还是三遍处理：S 和 P 仍然写到设备内存再读回来。把一行的分数留在变量里。',
  'P stays on the chip, but S is stored and loaded again. Take the softmax of a row of scores where it is computed.':
    'P 留在了片上，但 S 写回后又被加载。在算出一行分数的地方就做 softmax。',
  'k and v are loaded anew for every query. Load them once, before the loop, and keep them on the chip.':
    '每个查询都重新加载了 k 和 v。在循环之前加载一次，并把它们留在片上。',
  'All of q is loaded for every query. Load one row of it: memory.load("q", i, i + 1).':
    '每个查询都加载了整个 q。只加载其中一行：memory.load("q", i, i + 1)。',
  'Every row of out is stored in the place of the first: store takes the row to begin at as its third argument.':
    'out 的每一行都写到了第一行的位置：store 的第三个参数是起始行。',
  'The traffic is right, but the scores are not divided by sqrt(D).': '流量是对的，但分数没有除以 sqrt(D)。',
};

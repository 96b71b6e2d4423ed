import type { Catalogue } from '../translate';

export const inPractice: Catalogue = {
  'allowed(i, j, { Nq, Nk, causal, window }): whether query i may see key j, in the convention of flash-attn; window = [left, right].':
    'allowed(i, j, { Nq, Nk, causal, window })：按 flash-attn 的约定，查询 i 能否看到键 j；window = [left, right]。',
  'Find the key on the diagonal of query i first. The last query, Nq - 1, stands level with the last key, Nk - 1; the query before it with the key before that.':
    '先找出查询 i 的对角线上的键。最后一个查询 Nq - 1 与最后一个键 Nk - 1 对齐；它前一个查询与前一个键对齐。',
  'The diagonal of query i is key d = i + Nk - Nq, which may lie outside of 0 .. Nk - 1. Causal forbids the keys after it; the window counts from it to both sides, the ends included.':
    '查询 i 的对角线是键 d = i + Nk - Nq，它可能落在 0 .. Nk - 1 之外。causal 禁止它之后的键；窗口从它向两侧数，两端都包含在内。',
  'All must hold: causal is false or j <= d; left is -1 or j >= d - left; right is -1 or j <= d + right.':
    '以下条件必须全部成立：causal 为 false 或 j <= d；left 为 -1 或 j >= d - left；right 为 -1 或 j <= d + right。',
  "This is PyTorch's convention: the diagonal begins at the top left. In flash-attn it ends at the bottom right, where the last query is level with the last key.":
    '这是 PyTorch 的约定：对角线从左上角开始。在 flash-attn 中，对角线终止于右下角，最后一个查询与最后一个键对齐。',
  'causal is right, but the window counts from key i. It counts from the diagonal, too, which is at i + Nk - Nq.':
    'causal 是对的，但窗口从键 i 数起。窗口同样应从对角线 i + Nk - Nq 数起。',
  'The shift has the wrong sign. With one query and many keys, the query must stand at the last key: i + Nk - Nq, not i + Nq - Nk.':
    '平移的符号反了。只有一个查询、键很多时，该查询必须与最后一个键对齐：应为 i + Nk - Nq，而不是 i + Nq - Nk。',
  'The ends of the window are left out. Both are included: window = [0, 0] lets a query see the key on its diagonal.':
    '窗口的两端被漏掉了。两端都包含在内：window = [0, 0] 时，查询能看到其对角线上的键。',
  'With causal the key on the diagonal is left out. It is the token of the query itself, which it sees: j <= i + Nk - Nq.':
    'causal 时对角线上的键被漏掉了。那是查询自己的 token，它看得到：j <= i + Nk - Nq。',
  '-1 is taken as a distance from the diagonal. It means that this side has no bound.':
    '-1 被当成了到对角线的距离。它的意思是这一侧没有界限。',
  'With causal the window is forgotten. Both have to allow the pair.':
    'causal 为 true 时忘了窗口。两者都允许，这一对才允许。',
  'alibiSlopes(H): the slopes of ALiBi for H heads, a power of two or not.':
    'alibiSlopes(H)：H 个头的 ALiBi 斜率，H 可以是也可以不是 2 的幂。',
  'For a power of two: a list of H numbers that begins with 2^(-8/H), each one the one before times 2^(-8/H). The last is 2^-8.':
    'H 是 2 的幂时：共 H 个数，首项为 2^(-8/H)，每一项是前一项乘以 2^(-8/H)，末项为 2^-8。',
  'Else take P, the largest power of two below H, and begin with its P slopes; H - P are still missing.':
    '否则取小于 H 的最大的 2 的幂 P，先放 P 个头的 P 个斜率；还缺 H - P 个。',
  'They come from the slopes of 2P heads: the first, the third, the fifth and so on, as many as are missing.':
    '缺的从 2P 个头的斜率中取：第一个、第三个、第五个……缺几个取几个。',
  'Right for powers of two only. For other H the formula is not stretched; slopes of the next lower power of two are kept and filled up.':
    '只对 2 的幂正确。对其他 H，公式并不拉伸；而是保留下一个较小的 2 的幂的斜率，再补足。',
  'The missing slopes are the first ones of 2P heads. It has to be every other one of them: the first, the third, the fifth.':
    '补上的是 2P 个头的前几个斜率。应隔一个取一个：第一个、第三个、第五个。',
  'The missing slopes begin with the second one of 2P heads, and the second, fourth and so on are there already: they are the slopes of P heads. Begin with the first.':
    '补上的斜率从 2P 个头的第二个开始，而第二个、第四个等已经有了：它们就是 P 个头的斜率。应从第一个开始。',
  'These are slopes of the next higher power of two, cut off. Begin with all slopes of the next lower one.':
    '这是下一个较大的 2 的幂的斜率截断而来。应先放下一个较小的 2 的幂的全部斜率。',
  'The sequence begins with 1 = 2^0. It begins with its own ratio, 2^(-8/H).':
    '数列从 1 = 2^0 开始了。首项应等于公比 2^(-8/H)。',
  '1/2, 1/4, 1/8 and so on are the slopes of 8 heads. With more heads they lie closer, with fewer further apart: the ratio is 2^(-8/H).':
    '1/2、1/4、1/8……是 8 个头的斜率。头更多时它们更密，更少时更疏：公比是 2^(-8/H)。',
  'Slopes are positive; the minus stands in the bias, -slope * |distance|.':
    '斜率是正的；负号在偏置 -slope * |距离| 里。',
  'cuSeqlens(lengths): where each sequence begins among the packed rows, and where the last one ends; lengths may be 0.':
    'cuSeqlens(lengths)：打包的行中每个序列从哪里开始，以及最后一个序列在哪里结束；长度可以为 0。',
  'Sequence b begins where the ones before it end: at the sum of their lengths. Where does the first one begin?':
    '序列 b 从它前面的序列结束处开始，即它们长度之和处。第一个序列从哪里开始？',
  'B sequences have B + 1 offsets: sequence b has the rows from the offset b up to, not including, the offset b + 1.':
    'B 个序列有 B + 1 个偏移量：序列 b 的行从第 b 个偏移量起，到第 b + 1 个偏移量为止（不含）。',
  'Begin with [0], and for each length append the last offset plus that length.':
    '从 [0] 开始，对每个长度追加“最后一个偏移量加该长度”。',
  'As many offsets as sequences; there must be one more. The list begins with 0, where the first sequence begins, and ends with the total.':
    '偏移量与序列一样多，应多一个。列表以 0（第一个序列的开始）开头，以总行数结尾。',
  'Empty sequences are left out. They have an offset as well, the same as that of the next sequence; without it all later sequences change their number.':
    '空序列被漏掉了。它也有偏移量，与下一个序列的相同；少了它，后面所有序列的编号都变了。',
  'These are the lengths with a 0 in front. "cu" stands for cumulative: every offset is the sum of all lengths before it.':
    '这只是在长度前面加了一个 0。“cu”表示累积（cumulative）：每个偏移量是它之前所有长度之和。',
  'These are offsets of sequences that were padded to the longest. Packed sequences follow each other without padding.':
    '这是把所有序列填充到最长之后的偏移量。打包的序列首尾相接，没有填充。',
  'An offset is where the next sequence begins, one after the last row of the one before, not that row itself.':
    '偏移量是下一个序列开始的地方，在前一个序列最后一行的后一行，而不是那一行本身。',
  'mergeSplits(parts): { out, lse } over all keys, from { out, lse } over each part of them; a part may be empty (out = 0, lse = -Infinity).':
    'mergeSplits(parts)：由每一部分键上的 { out, lse } 得到全部键上的 { out, lse }；其中的部分可能为空（out = 0，lse = -Infinity）。',
  'exp(lse) of a part is the sum of exponentials that its out was divided by. Part r therefore counts exp(lse_r) in the mean of the outs.':
    '一个部分的 exp(lse) 就是它的 out 当初所除的指数之和。因此在对各个 out 取平均时，第 r 部分的权重是 exp(lse_r)。',
  'exp(lse_r) overflows. Subtract the largest lse from all of them first: the weights are exp(lse_r - m), and lse = m + log(the sum of the weights).':
    'exp(lse_r) 会溢出。先从所有 lse 中减去最大的一个：权重为 exp(lse_r - m)，而 lse = m + log(权重之和)。',
  'out is the sum of weight times out, over the sum of the weights. If all parts are empty, m is -Infinity: return zeros and -Infinity before anything is subtracted.':
    'out 是“权重乘以 out”之和再除以权重之和。若所有部分都为空，则 m 是 -Infinity：在做任何减法之前就返回零和 -Infinity。',
  'The outs are averaged as if all parts weighed the same. A part with more, or better, keys counts more: its weight is exp(lse).':
    '各个 out 被等权平均了。键更多或更匹配的部分应占更大比重：它的权重是 exp(lse)。',
  'exp(lse) overflows for large lse, and is 0 for very negative ones. Subtract the largest lse before exp, and add it to the logarithm.':
    'lse 很大时 exp(lse) 溢出，很小（负得多）时为 0。取 exp 之前减去最大的 lse，再把它加回到对数上。',
  'Right but for parts that are all empty: -Infinity - (-Infinity) is NaN. Then out is 0 and lse is -Infinity.':
    '除了所有部分都为空的情形，其余都对：-Infinity - (-Infinity) 是 NaN。此时 out 应为 0，lse 应为 -Infinity。',
  'The lse are added up. What adds up is the sums, exp(lse): the lse of all is the logarithm of the sum of exp(lse).':
    '各个 lse 被直接相加了。可以相加的是那些和，即 exp(lse)：全部的 lse 是 exp(lse) 之和的对数。',
  'lse is only the largest lse; the logarithm of the sum of the weights, exp(lse_r - m), is to be added.':
    'lse 只取了最大的那个；还要加上权重 exp(lse_r - m) 之和的对数。',
  'The weighted outs are not divided by the sum of the weights. The weights must sum to 1: exp(lse_r - lse) does.':
    '加权的 out 没有除以权重之和。权重之和必须为 1：exp(lse_r - lse) 就满足。',
  'kvCacheBytes({ layers, batch, heads, kvHeads, seq, dim, bytes }): bytes of the keys and values of all layers; heads, of queries, and kvHeads have size dim, a number takes bytes bytes.':
    'kvCacheBytes({ layers, batch, heads, kvHeads, seq, dim, bytes })：所有层的键和值占多少字节；heads 是查询头数，它与 kvHeads 的每个头大小都是 dim，每个数占 bytes 字节。',
  'Count for one token and one layer first: how many numbers are kept? The queries of earlier tokens are not needed again.':
    '先数一个 token、一层：要保存多少个数？先前 token 的查询不会再用到。',
  'A token leaves a key and a value of dim numbers for each of the kvHeads, in each layer.':
    '在每一层，一个 token 为 kvHeads 个头各留下一个键和一个值，每个有 dim 个数。',
  'So 2 * kvHeads * dim numbers for a token and a layer, times layers, batch, seq and bytes.':
    '所以每个 token 每层有 2 * kvHeads * dim 个数，再乘以 layers、batch、seq 和 bytes。',
  'Half of it: keys are kept, and values as well.': '只有一半：既要保存键，也要保存值。',
  'Counted with the heads of the queries. Only kvHeads heads of keys and values are kept; several query heads read the same one.':
    '用了查询的头数。只保存 kvHeads 个头的键和值；几个查询头读同一个。',
  'That is one layer. Every layer has keys and values of its own.': '这只是一层。每一层都有自己的键和值。',
  'That is one sequence. Every entry of the batch has keys and values of its own.':
    '这只是一个序列。批中的每一项都有自己的键和值。',
  'These are numbers, not bytes.': '这是数的个数，不是字节数。',
  'That grows as seq * seq, as a matrix of weights would. Weights are never kept, only a key and a value for each token.':
    '这按 seq * seq 增长，像权重矩阵那样。权重从不保存，每个 token 只保存一个键和一个值。',
};

import type { Catalogue } from '../translate';

export const speedAndMemory: Catalogue = {
  'medianAndSpread(times, warmups): { median, spread } of the times behind the first warmups ones; spread is (slowest - fastest) / median.':
    'medianAndSpread(times, warmups)：去掉前 warmups 个时间之后的 { median, spread }；spread 是 (最慢 - 最快) / 中位数。',
  'Three steps: leave out what does not count, put the rest in order, take the middle.':
    '三步：去掉不计入的，把其余的排序，取中间。',
  'sort() without a function compares numbers as text: 10 comes before 9. Give it (a, b) => a - b.':
    '不带函数的 sort() 按文本比较数字：10 排在 9 前面。给它 (a, b) => a - b。',
  'With t = times.slice(warmups) in order and n = t.length: the median is t[(n - 1) / 2] for an odd n, and the mean of t[n / 2 - 1] and t[n / 2] for an even one.':
    '令 t 为排好序的 times.slice(warmups)，n = t.length：n 为奇数时中位数是 t[(n - 1) / 2]，为偶数时是 t[n / 2 - 1] 与 t[n / 2] 的平均。',
  'That is the mean: a single run that the system interrupted moves it as far as it likes. The median is the middle one.':
    '这是平均值：只要有一次运行被系统打断，它就会被带偏任意远。中位数是居中的那个。',
  'The warm-up runs are counted: the first warmups times belong to compiling and uploading, and are to be left out.':
    '预热也被计入了：前 warmups 个时间属于编译和上传，应当去掉。',
  'The times are put in order before the warm-up runs are dropped, so that the fastest ones are dropped. Slice first, then sort.':
    '在去掉预热之前就排了序，于是去掉的是最快的几个。应先 slice 再 sort。',
  'sort() without a comparison sorts as text, where 10.5 comes before 9.2. Write sort((a, b) => a - b).':
    '不带比较函数的 sort() 按文本排序，10.5 会排在 9.2 前面。应写 sort((a, b) => a - b)。',
  'The times are not in order: what stands in the middle of the list is then just any of them.':
    '时间没有排序：列表中间的那个只是随便哪一个。',
  'Right for an odd count. For an even one there are two middle times, and the upper one is taken: take the mean of both.':
    '个数为奇数时正确。为偶数时中间有两个时间，这里取了较大的一个：应取两者的平均。',
  'Right for an odd count. For an even one there are two middle times, and the lower one is taken: take the mean of both.':
    '个数为奇数时正确。为偶数时中间有两个时间，这里取了较小的一个：应取两者的平均。',
  'The spread is in milliseconds. Divided by the median it is a part of the time, which compares between lengths.':
    'spread 的单位是毫秒。除以中位数后它是时间的一个比例，才能在不同长度之间比较。',
  'fitExponent(ns, ms): the exponent a of the law ms = c * ns^a that fits best, by least squares of log ms over log ns.':
    'fitExponent(ns, ms)：最符合 ms = c * ns^a 的指数 a，用 log ms 关于 log ns 的最小二乘求得。',
  'Taking logarithms of the law makes it a straight line: log ms = log c + a log N. What is a on it?':
    '对这个规律取对数就得到一条直线：log ms = log c + a log N。a 是直线的什么？',
  'With x = log ns and y = log ms, and their means mx and my, the slope of the best straight line has a sum of products above and a sum of squares below.':
    '令 x = log ns，y = log ms，平均值为 mx 和 my：最佳直线的斜率，分子是乘积之和，分母是平方之和。',
  'a = sum of (x - mx) (y - my) / sum of (x - mx)^2. Both means are to be subtracted.':
    'a = (x - mx) (y - my) 之和 / (x - mx)^2 之和。两个平均值都要减去。',
  'That is the slope of ms over N themselves, in milliseconds a token. An exponent is a slope over logarithms, of both.':
    '这是 ms 关于 N 本身的斜率，单位是每个 token 多少毫秒。指数是两者都取对数之后的斜率。',
  'Only the times are logarithms. A power law is a straight line where both axes are logarithmic.':
    '只有时间取了对数。幂律要在两个坐标轴都是对数时才是直线。',
  'The axes are swapped: that is the slope of log N over log ms. Divide by the sum of squares of log N.':
    '坐标轴弄反了：这是 log N 关于 log ms 的斜率。应除以 log N 的平方和。',
  'The means are not subtracted, so the line is forced through the origin, as if one token took one millisecond.':
    '没有减去平均值，于是直线被迫经过原点，好像一个 token 恰好需要一毫秒。',
  'That is the slope between the first and the last point; the points between them do not count, and all the noise of those two does.':
    '这是第一个点与最后一个点之间的斜率；中间的点都没有用上，而这两个点的噪声全部计入了。',
  'crossover(ns, a, b): the N from which on line b stays faster (lower) than line a, on straight lines between the points in log-log; ns[0] if it is faster at all points, Infinity if not at the last.':
    'crossover(ns, a, b)：从哪个 N 起线 b 一直比线 a 快（低），各点之间在双对数坐标中连直线；若 b 在所有点都更快则为 ns[0]，若在最后一点不更快则为 Infinity。',
  'Look at d = log(a / b) at each N: it is positive where b is faster. Go from the last N backwards: where is d not positive for the first time?':
    '看每个 N 处的 d = log(a / b)：b 更快时它为正。从最后一个 N 往回走：d 第一次不为正是在哪里？',
  'On log-log axes both lines are straight between two neighbours, so d is a straight line over log N, and you look for its zero.':
    '在双对数坐标中，两条线在相邻两点之间都是直的，所以 d 关于 log N 是一条直线，要找它的零点。',
  'With d0 <= 0 at N0 and d1 > 0 at N1, the zero is at the part t = d0 / (d0 - d1) of the way: log N = log N0 + t (log N1 - log N0).':
    '设 N0 处 d0 <= 0，N1 处 d1 > 0，零点在全程的 t = d0 / (d0 - d1) 处：log N = log N0 + t (log N1 - log N0)。',
  'That is the first measured N at which b is faster. The lines cross before it, between two of the measured N.':
    '这是测过的 N 中 b 更快的第一个。曲线在它之前就已相交，位于两个测过的 N 之间。',
  'That is the middle of the two neighbours, wherever between them the lines cross. How far apart the lines are at either end tells where.':
    '这总是相邻两点的中点，与曲线究竟在哪里相交无关。两端处两线相距多远，才决定交点的位置。',
  'The interpolation is on linear axes. In log-log, log(a / b) is the straight line, and it runs over log N.':
    '插值用的是线性坐标。在双对数坐标中，成为直线的是 log(a / b)，自变量是 log N。',
  'log(a / b) is right, but it is taken as a straight line over N. In log-log it is one over log N.':
    'log(a / b) 是对的，但把它当成了 N 的线性函数。在双对数坐标中它是 log N 的线性函数。',
  'log N is right, but the difference of the times is not a straight line over it: take the logarithm of their ratio.':
    'log N 是对的，但时间之差不是它的线性函数：应取时间之比的对数。',
  'That is the first crossing. Noise may make lines cross several times: b must stay faster up to the last N, so search from the end.':
    '这是第一个交点。噪声可能使曲线多次相交：b 必须一直快到最后一个 N，所以要从末尾开始找。',
  'The lines are swapped: that is where a becomes faster than b.': '两条线弄反了：这是 a 变得比 b 快的地方。',
  'Where b is not faster at the last N, there is nothing to interpolate, and the answer is Infinity.':
    '若 b 在最后一个 N 并不更快，就没有什么可插值的，答案是 Infinity。',
  'attentionBytes({ batch, heads, seq, dim, bytes }): { standard, flash }, the bytes of a forward pass: q, k, v and out of so many bytes a number, lse of 4, and for standard one score matrix a head of 4 bytes a number.':
    'attentionBytes({ batch, heads, seq, dim, bytes })：{ standard, flash }，一次前向的字节数：q、k、v 和 out 每个数 bytes 字节，lse 每个数 4 字节，standard 每个头另有一个分数矩阵，每个数 4 字节。',
  'Write down the shapes: q, k, v and out are (B,H,N,D), lse is (B,H,N), S is (B,H,N,N).':
    '写出形状：q、k、v 和 out 是 (B,H,N,D)，lse 是 (B,H,N)，S 是 (B,H,N,N)。',
  'flash holds four tensors like q, and lse. standard holds all that flash holds, and S.':
    'flash 占用四个与 q 一样大的张量，外加 lse。standard 占用 flash 的全部，外加 S。',
  'flash = B H N (4 D bytes + 4); standard = flash + 4 B H N N.':
    'flash = B H N (4 D bytes + 4)；standard = flash + 4 B H N N。',
  'Those are the usual formulas: q, k and v alone, and the score matrix alone. Count all that the pass holds, out and lse with it.':
    '这是常见的公式：只有 q、k、v，以及只有分数矩阵。要把前向占用的全部算上，包括 out 和 lse。',
  'out is missing: it has to be somewhere while it is written, and is as large as q.':
    '漏了 out：它在写出时总要有地方放，而且与 q 一样大。',
  'lse is missing: one number of 4 bytes for each query of each head.': '漏了 lse：每个头的每个查询一个数，4 字节。',
  'lse is counted with the bytes of q. It is float32, 4 bytes, whatever q is.':
    'lse 按 q 的字节数计了。无论 q 是什么类型，它都是 float32，4 字节。',
  'The score matrix is counted with the bytes of q. This library keeps it in float32, 4 bytes, whatever q is.':
    '分数矩阵按 q 的字节数计了。无论 q 是什么类型，本库都用 float32 保存它，4 字节。',
  'The score matrix is multiplied by D. A score is one number for each pair of a query and a key; D was summed over.':
    '分数矩阵乘了 D。每对查询和键只有一个分数；D 已经被求和掉了。',
  'There is one score matrix for each head, not one for all of them.': '每个头各有一个分数矩阵，不是所有头共用一个。',
  'batch is missing: everything is there once for each sequence of the batch.':
    '漏了 batch：批中的每个序列都各有一份。',
  'standard counts its score matrix alone; it also holds q, k, v, out and lse, as flash does.':
    'standard 只计了分数矩阵；它和 flash 一样也占用 q、k、v、out 和 lse。',
  'longestSequence({ memoryBytes, heads, dim, bytes, reserve }): { standard, flash }, the largest whole N whose forward pass (batch 1) by the honest formula takes at most (1 - reserve) * memoryBytes.':
    'longestSequence({ memoryBytes, heads, dim, bytes, reserve })：{ standard, flash }，前向（batch 为 1）按诚实的公式最多占用 (1 - reserve) * memoryBytes 的最大整数 N。',
  'Begin with flash: its bytes are some number times N. How many bytes is one token? How many tokens fit?':
    '先看 flash：它的字节数是某个数乘以 N。一个 token 是多少字节？能放下多少个 token？',
  'A token takes H (4 D bytes + 4) bytes in flash. Standard attention adds 4 H N^2: that is a quadratic inequality in N, with one positive root.':
    '在 flash 中一个 token 占 H (4 D bytes + 4) 字节。标准注意力再加 4 H N^2：这是关于 N 的二次不等式，有一个正根。',
  'With c = H (4 D bytes + 4) and M = (1 - reserve) memoryBytes: flash = floor(M / c), standard = floor((sqrt(c^2 + 16 H M) - c) / (8 H)).':
    '令 c = H (4 D bytes + 4)，M = (1 - reserve) memoryBytes：flash = floor(M / c)，standard = floor((sqrt(c^2 + 16 H M) - c) / (8 H))。',
  'Those are the usual formulas, q, k and v alone and the score matrix alone: they promise a longer sequence than fits. Count out and lse, and the scores with 4 bytes.':
    '这是常见的公式，只有 q、k、v 以及只有分数矩阵：它们许诺的序列放不下。要计入 out 和 lse，分数按 4 字节计。',
  'The reserve is forgotten: only (1 - reserve) * memoryBytes may be filled.':
    '忘了预留的部分：只能填满 (1 - reserve) * memoryBytes。',
  'What is filled is the reserve. The reserve is what stays free: fill (1 - reserve) * memoryBytes.':
    '填满的是预留的部分。reserve 是要空着的：应填满 (1 - reserve) * memoryBytes。',
  'Rounded up: that N does not fit any more. Round down.': '向上取整了：那个 N 已经放不下。应向下取整。',
  'Rounded to the nearest whole number, which half of the time is one that does not fit. Round down.':
    '四舍五入了，有一半的情况得到的 N 放不下。应向下取整。',
  'lse is forgotten, 4 bytes for each query of each head.': '忘了 lse，每个头的每个查询 4 字节。',
  'out is forgotten: four tensors have the size of q, not three.': '忘了 out：与 q 一样大的张量有四个，不是三个。',
  'flash is right. standard counts its score matrix alone, but q, k, v, out and lse lie beside it: solve the quadratic equation with its linear term.':
    'flash 是对的。standard 只计了分数矩阵，但旁边还有 q、k、v、out 和 lse：要解带一次项的二次方程。',
};

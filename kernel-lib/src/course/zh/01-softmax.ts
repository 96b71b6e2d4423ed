import type { Catalogue } from '../translate';

export const softmax: Catalogue = {
  'safeSoftmax(x): softmax of a list of numbers, finite however large they are.':
    'safeSoftmax(x)：一组数的 softmax，无论这些数多大，结果都是有限的。',
  'exp(x) overflows in float64 above 709. Nothing changes if the same number is subtracted from every x before exp: which one makes all exponents at most 0?':
    'float64 中 x 大于 709 时 exp(x) 就会溢出。在取 exp 之前从每个 x 减去同一个数，结果不变：减去哪个数能让所有指数都不大于 0？',
  'm = max(x); f[j] = exp(x[j] - m); divide by the sum of f.': 'm = max(x)；f[j] = exp(x[j] - m)；再除以 f 的和。',
  'Nothing is subtracted before exp: exp(1000) is Infinity, and Infinity / Infinity is NaN.':
    '取 exp 之前什么都没有减：exp(1000) 是 Infinity，而 Infinity / Infinity 是 NaN。',
  'The maximum begins at 0, so it is too large for rows of negative numbers: every exp is 0 there, and 0 / 0 is NaN. Begin at -Infinity.':
    '最大值从 0 开始，对全是负数的行就太大了：那里每个 exp 都是 0，而 0 / 0 是 NaN。应从 -Infinity 开始。',
  'The mean is subtracted, not the maximum: numbers far above the mean still overflow.':
    '减去的是平均值而不是最大值：远大于平均值的数仍会溢出。',
  'The exponentials are right, but not divided by their sum: p must sum to 1.':
    '指数是对的，但没有除以它们的和：p 的和必须是 1。',
  'onlineSum(x, bc): { m, l }, the maximum of x and the sum of exp(x - m), reading x once, bc numbers at a time.':
    'onlineSum(x, bc)：返回 { m, l }，即 x 的最大值与 exp(x - m) 之和；x 只读一遍，每次读 bc 个数。',
  'After each block, m and l must be right for all numbers read so far. The old l was made with the old m.':
    '每读完一块，m 和 l 都必须对目前读过的所有数正确。旧的 l 是用旧的 m 算出来的。',
  'exp(x - mNew) = exp(x - mOld) exp(mOld - mNew), so the old l is to be multiplied by exp(mOld - mNew).':
    'exp(x - mNew) = exp(x - mOld) exp(mOld - mNew)，所以旧的 l 要乘以 exp(mOld - mNew)。',
  'Begin with m = -Infinity, l = 0; for each block: mNew = max(m, block), l = l * exp(m - mNew) + the sum of exp(x - mNew) over the block, m = mNew. The last block may be shorter.':
    '从 m = -Infinity、l = 0 开始；对每一块：mNew = max(m, 该块)，l = l * exp(m - mNew) + 该块上 exp(x - mNew) 之和，m = mNew。最后一块可能较短。',
  'When m grows, the sum so far was made with the old m and has to be rescaled: l is multiplied by exp(mOld - mNew).':
    'm 变大时，到目前为止的和是用旧的 m 算的，必须重新缩放：l 要乘以 exp(mOld - mNew)。',
  'The factor is the wrong way round: exp(mNew - mOld) makes l larger, but measured from a larger maximum every term is smaller.':
    '因子写反了：exp(mNew - mOld) 会让 l 变大，但相对于更大的最大值，每一项都应变小。',
  'm begins at 0, so it is wrong for rows without a positive number. Begin at -Infinity.':
    'm 从 0 开始，对没有正数的行就错了。应从 -Infinity 开始。',
  'The last block is left out where N is no multiple of bc.': '当 N 不是 bc 的倍数时，最后一块被漏掉了。',
  'mergeStates(a, b): { m, l, o } of two parts of a row together, from { m, l, o } of each; a part may be empty (m = -Infinity, l = 0, o = 0).':
    'mergeStates(a, b)：由一行的两部分各自的 { m, l, o } 得到合在一起的 { m, l, o }；其中一部分可能为空（m = -Infinity，l = 0，o = 0）。',
  'The new maximum is m = max(a.m, b.m). Each l and each o was made with its own maximum: which factor turns it into one made with m?':
    '新的最大值是 m = max(a.m, b.m)。每个 l 和 o 都是用各自的最大值算的：乘以哪个因子才能变成用 m 算的？',
  'l = exp(a.m - m) a.l + exp(b.m - m) b.l, and the same two factors for every entry of o.':
    'l = exp(a.m - m) a.l + exp(b.m - m) b.l，o 的每个分量也用这两个因子。',
  'Two empty parts: -Infinity - (-Infinity) is NaN. The factor of an empty part is 0, whatever the other one is.':
    '两部分都为空时：-Infinity - (-Infinity) 是 NaN。空的部分因子为 0，无论另一部分如何。',
  'The parts are added as they are, but each was made with its own maximum: multiply by exp(m of the part - m of both) first.':
    '两部分被直接相加了，但它们是用各自的最大值算的：要先乘以 exp(该部分的 m - 合并后的 m)。',
  'l is rescaled and o is not; o is a sum of the same exponentials and needs the same factors.':
    'l 重新缩放了，o 没有；o 是同样这些指数的加权和，需要同样的因子。',
  'Two empty parts give NaN: -Infinity - (-Infinity) is NaN. An empty part has the factor 0.':
    '两部分都为空时得到 NaN：-Infinity - (-Infinity) 是 NaN。空的部分因子为 0。',
  'o is divided by l already. The state keeps the plain sum, so that it can be merged again; the division comes once, at the end.':
    'o 已经除以 l 了。状态里保存的是未归一化的和，这样才能继续合并；除法只在最后做一次。',
  'onlineAttention(s, v, bc): the sum of softmax(s)[j] * v[j], reading s and the rows of v once, bc at a time.':
    'onlineAttention(s, v, bc)：softmax(s)[j] * v[j] 之和；s 与 v 的各行只读一遍，每次读 bc 个。',
  'Keep three things: m, l and o, as in the exercises above, and treat o as you treated l.':
    '保存三样东西：m、l 和 o，与上面的练习一样；对 o 的处理与对 l 的相同。',
  'For each block: mNew, p = exp(s - mNew), factor = exp(m - mNew); l = l * factor + sum(p); o = o * factor + the sum of p[j] * v[j].':
    '对每一块：mNew，p = exp(s - mNew)，factor = exp(m - mNew)；l = l * factor + sum(p)；o = o * factor + p[j] * v[j] 之和。',
  'Divide by l once, after the last block.': '在最后一块之后除以 l 一次。',
  'l is rescaled when the maximum grows, o is not. o is a sum of exp(s - m) as well: it needs the same factor.':
    '最大值变大时 l 重新缩放了，o 没有。o 同样是 exp(s - m) 的加权和，需要同样的因子。',
  'o is rescaled when the maximum grows, l is not.': '最大值变大时 o 重新缩放了，l 没有。',
  'o is divided by l in every block, so what was divided before is divided again. Divide once, at the end.':
    'o 在每一块里都除以 l，先前除过的又被除了一遍。只在最后除一次。',
};

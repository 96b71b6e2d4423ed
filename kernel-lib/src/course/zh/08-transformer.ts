import type { Catalogue } from '../translate';

export const transformer: Catalogue = {
  'wordPieces(word, vocab): ids of the longest pieces from left to right, all but the first with ## in front; only the id of [UNK] if none fits somewhere.':
    'wordPieces(word, vocab)：从左到右取最长子词的 id，除第一个外都带 ## 前缀；只要某处没有子词匹配，就只返回 [UNK] 的 id。',
  'Go from left to right. At each place try the whole rest of the word first, then one letter less, and so on.':
    '从左到右进行。在每个位置先试剩下的整个部分，再减少一个字母，依此类推。',
  "Behind the first piece look up '##' + letters. If no length fits, the result is [vocab.get('[UNK]')], whatever was found before.":
    "第一个子词之后要查的是 '##' + 字母。如果任何长度都不匹配，结果就是 [vocab.get('[UNK]')]，不管之前找到了什么。",
  'begin = 0; while (begin < word.length): end = word.length; while no piece has the letters from begin to end: end-- (no letters left: [UNK]); keep its id; begin = end.':
    'begin = 0；while (begin < word.length)：end = word.length；只要没有子词等于从 begin 到 end 的字母就 end--（没有字母了：[UNK]）；记下它的 id；begin = end。',
  'The shortest piece that fits is taken. Take the longest: begin with the whole rest of the word.':
    '取的是匹配的最短子词。应取最长的：从剩下的整个部分开始试。',
  'Pieces inside of a word have ## in front in the vocabulary; without it they are other words.':
    '词内部的子词在词表中带 ## 前缀；不带前缀的是另外的词。',
  'Where nothing fits, [UNK] stands for the rest only. It stands for the whole word: pieces found before it are dropped.':
    '没有子词匹配时，[UNK] 只代替了剩下的部分。它应代替整个词：之前找到的子词要丢掉。',
  'Where nothing fits, the pieces found so far are given. The whole word is [UNK] then.':
    '没有子词匹配时，返回了目前找到的子词。这时整个词都是 [UNK]。',
  'When the longest piece leads to a dead end, shorter ones are tried. WordPiece is greedy: it takes nothing back, and the word is [UNK].':
    '最长的子词走进死路时，又去试较短的。WordPiece 是贪心的：不回退，这个词就是 [UNK]。',
  'layerNorm(x, gamma, beta, eps): gamma * (x - mean) / sqrt(variance + eps) + beta, number by number.':
    'layerNorm(x, gamma, beta, eps)：逐个计算 gamma * (x - 均值) / sqrt(方差 + eps) + beta。',
  'Two passes: the mean first, then the mean of the squared differences to it. eps belongs to the variance.':
    '分两遍：先求均值，再求与均值之差的平方的均值。eps 加在方差上。',
  'scale = 1 / sqrt(sum((x - mean)^2) / d + eps), then gamma[c] * (x[c] - mean) * scale + beta[c].':
    'scale = 1 / sqrt(sum((x - mean)^2) / d + eps)，然后是 gamma[c] * (x[c] - mean) * scale + beta[c]。',
  'The squares are divided by d - 1. LayerNorm takes the variance of these very numbers: divide by d.':
    '平方和除以了 d - 1。LayerNorm 用的是这组数本身的方差：应除以 d。',
  'eps is added to the root. It belongs under the root, to the variance.':
    'eps 加在了根号外面。它应在根号里面，加在方差上。',
  'The division is by the variance, not by its root, so the result does not have variance 1.':
    '除以的是方差而不是它的平方根，所以结果的方差不是 1。',
  'The row is normalised, but not scaled by gamma and shifted by beta.':
    '这一行已归一化，但没有乘以 gamma、加上 beta。',
  'gamma and beta have changed places: gamma multiplies, beta is added.':
    'gamma 与 beta 互换了：gamma 是乘的，beta 是加的。',
  'beta is added before gamma multiplies, so it is scaled as well. Multiply first.':
    'beta 在乘 gamma 之前就加上了，因此也被缩放了。应先乘。',
  'No mean is subtracted: that is RMSNorm, which other models have.': '没有减去均值：那是另一些模型用的 RMSNorm。',
  'gelu(x): x * Phi(x) of each number, Phi the distribution function of the normal distribution, by erf.':
    'gelu(x)：对每个数求 x * Phi(x)，Phi 是正态分布的分布函数，用 erf 表示。',
  'Phi goes from 0 to 1, erf from -1 to 1: Phi(x) = (1 + erf(something)) / 2.':
    'Phi 从 0 到 1，erf 从 -1 到 1：Phi(x) = (1 + erf(某个值)) / 2。',
  'The exponent of the normal density is -t^2 / 2, that of erf -t^2: Phi(x) = (1 + erf(x / sqrt(2))) / 2. Then multiply by x.':
    '正态密度的指数是 -t^2 / 2，erf 的是 -t^2：Phi(x) = (1 + erf(x / sqrt(2))) / 2。再乘以 x。',
  'This is the form with tanh, which only comes near to GELU. MiniLM was trained with erf.':
    '这是用 tanh 的形式，只是接近 GELU。MiniLM 是用 erf 训练的。',
  'This is x times the logistic function of 1.702 x, which only comes near to GELU. MiniLM was trained with erf.':
    '这是 x 乘以 1.702 x 的 logistic 函数，只是接近 GELU。MiniLM 是用 erf 训练的。',
  'Twice too much: 1 + erf goes from 0 to 2, a probability from 0 to 1.':
    '大了一倍：1 + erf 从 0 到 2，而概率是从 0 到 1。',
  'erf(x) has exp(-t^2) inside, the normal distribution exp(-t^2 / 2): x has to be divided by sqrt(2) first.':
    'erf(x) 里面是 exp(-t^2)，正态分布里是 exp(-t^2 / 2)：x 要先除以 sqrt(2)。',
  'This is Phi(x) alone. GELU is x times that.': '这只是 Phi(x)。GELU 是 x 乘以它。',
  'meanPool(hidden, mask): the mean of the rows of hidden whose mask is 1, divided by its length, so that its length is 1.':
    'meanPool(hidden, mask)：hidden 中 mask 为 1 的各行的均值，再除以它的长度，使长度为 1。',
  'Only rows with mask 1 count, wherever they are. The length of a vector is the root of the sum of its squares.':
    '只算 mask 为 1 的行，不管它们在哪里。向量的长度是各分量平方和的平方根。',
  'Add up the rows with mask 1 and divide by sqrt(sum of squares). By how many rows the sum was divided does not matter then.':
    '把 mask 为 1 的行加起来，再除以 sqrt(平方和)。这样一来，和除以过多少行都无关紧要。',
  'Padding takes part in the mean. Leave out the rows whose mask is 0.': '填充也进了均值。要去掉 mask 为 0 的行。',
  'The mean is right, but its length is not 1: divide by the root of the sum of its squares.':
    '均值是对的，但长度不是 1：要除以平方和的平方根。',
  'The sum over the tokens is divided by the number of rows, padding included, and not brought to length 1.':
    'token 之和除以的是包括填充在内的行数，而且没有把长度变成 1。',
  'The division is by the sum of the squares; the length is its root.': '除以的是平方和；长度是它的平方根。',
  'This is the first token alone, as BERT itself takes it ([CLS]). This model takes the mean of all tokens.':
    '这只是第一个 token，像 BERT 那样取 [CLS]。这个模型取的是所有 token 的均值。',
  'This is the largest of each column, not the mean.': '这是每一列的最大值，而不是均值。',
  'Each token is brought to length 1 before the mean is taken. Take the mean first, then its length.':
    '在求均值之前就把每个 token 的长度变成了 1。应先求均值，再处理长度。',
};

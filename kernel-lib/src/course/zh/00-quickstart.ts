import type { Catalogue } from '../translate';

export const quickstart: Catalogue = {
  'attentionRow(q, k, v): the output of attention for one query, softmax(q k / sqrt(D)) v.':
    'attentionRow(q, k, v)：一个查询的注意力输出，softmax(q k / sqrt(D)) v。',
  'Three steps: a score for each key, softmax over the scores, the sum of the values times their weights.':
    '三步：每个键的分数，分数的 softmax，按权重对值求和。',
  'The score of key j is the sum of q[c] * k[j][c] over c, divided by sqrt(D), where D is the length of q.':
    '键 j 的分数是 q[c] * k[j][c] 对 c 求和，再除以 sqrt(D)，D 是 q 的长度。',
  'Subtract the largest score before exp: large scores overflow otherwise.':
    '取 exp 之前先减去最大的分数，否则大的分数会溢出。',
  'The scores are not divided by sqrt(D).': '分数没有除以 sqrt(D)。',
  'The scores are divided by D; it is its square root.': '分数除以了 D，应除以 D 的平方根。',
  'The weights are not divided by their sum: they must sum to 1.': '权重没有除以它们的和：权重之和必须是 1。',
  'Right for small scores; large ones overflow in exp and give NaN. Subtract the largest score first.':
    '对小的分数是对的；大的分数在 exp 中溢出，得到 NaN。先减去最大的分数。',
  'visibleKeys(i, Nq, Nk): the number of keys that query i sees with causal attention, j <= i + Nk - Nq.':
    'visibleKeys(i, Nq, Nk)：因果注意力下查询 i 看得到多少个键，j <= i + Nk - Nq。',
  'Which is the last key that query i sees? And how many are there from 0 up to it?':
    '查询 i 看到的最后一个键是哪个？从 0 到它一共有几个？',
  'Keys 0, 1, …, i + Nk - Nq are i + Nk - Nq + 1 keys; that number must not be negative.':
    '键 0, 1, …, i + Nk - Nq 共 i + Nk - Nq + 1 个；这个数不能是负的。',
  'That is aligned at the top left, as if query 0 always saw key 0 alone. Here the LAST query sees the last key: the diagonal is shifted by Nk - Nq.':
    '这是左上角对齐，好像查询 0 总是只看到键 0。这里是最后一个查询看到最后一个键：对角线要平移 Nk - Nq。',
  'One too few: key j = i + Nk - Nq is seen as well, and keys count from 0.':
    '少了一个：键 j = i + Nk - Nq 也看得到，而且键从 0 数起。',
  'With more queries than keys the first queries see nothing: 0 keys, not a negative number.':
    '查询比键多时，前面的查询什么都看不到：是 0 个键，而不是负数。',
  'kvHead(h, H, Hk): the head of keys and values that query head h reads, when H heads share Hk of them in groups of neighbours.':
    'kvHead(h, H, Hk)：H 个查询头按相邻分组共用 Hk 个键值头时，查询头 h 读哪一个键值头。',
  'How many query heads share one head of keys and values?': '几个查询头共用一个键值头？',
  'H / Hk neighbours share one: heads 0 to H / Hk - 1 read head 0, the next ones head 1.':
    '每 H / Hk 个相邻的查询头共用一个：头 0 到 H / Hk - 1 读键值头 0，接下来的读键值头 1。',
  'h % Hk deals the heads out in turn; here neighbours share a head, as in the models.':
    'h % Hk 是轮流分配；这里与实际模型一样，相邻的头共用一个键值头。',
  'That is right only where Hk = H; there are fewer heads of keys than of queries.':
    '只有 Hk = H 时才对；键值头比查询头少。',
  'Round down: the second half of a group still belongs to it.': '应向下取整：一组的后半部分仍属于这一组。',
};

import type { Catalogue } from '../translate';

export const backward: Catalogue = {
  'softmaxBackward(p, dp): ds, the gradient of the scores of a row from its weights p and their gradient dp, without a matrix.':
    'softmaxBackward(p, dp)：由一行的权重 p 及其梯度 dp 求分数的梯度 ds，不构造矩阵。',
  'The Jacobian is diag(p) - p p^T. Multiply it with dp by hand and bracket (p p^T) dp so that no matrix is left.':
    '雅可比矩阵是 diag(p) - p p^T。手工把它与 dp 相乘，并给 (p p^T) dp 换一种括号，使矩阵消失。',
  '(p p^T) dp = p (p.dp), and p.dp is one number for the whole row.':
    '(p p^T) dp = p (p.dp)，而 p.dp 对整行只是一个数。',
  'ds[j] = p[j] * (dp[j] - delta) with delta = the sum of p[k] * dp[k] over all k.':
    'ds[j] = p[j] * (dp[j] - delta)，其中 delta 是 p[k] * dp[k] 对所有 k 的和。',
  'That is p * dp, the diagonal part of the Jacobian alone. A score also moves the weights of all other keys: the part with p p^T is missing.':
    '这是 p * dp，只有雅可比矩阵的对角部分。一个分数也会改变其他所有键的权重：缺了 p p^T 那一部分。',
  'What is subtracted is the plain mean of dp. It has to be the mean with the weights p: the sum of p[k] * dp[k].':
    '减去的是 dp 的普通平均值。应当是以 p 为权重的平均值：p[k] * dp[k] 之和。',
  'What is subtracted is the plain sum of dp. Each dp[k] has to be weighted by p[k].':
    '减去的是 dp 的普通和。每个 dp[k] 都要乘以权重 p[k]。',
  'The sign is the wrong way round: a key with dp above the mean must get a positive ds.':
    '符号反了：dp 高于平均值的键，ds 应为正。',
  'The factor p[j] in front is missing: a key with no weight has no gradient.':
    '缺了前面的因子 p[j]：没有权重的键没有梯度。',

  'numericalGradient(f, x, h): the gradient of f at x by central differences, one entry of x moved by h and by -h at a time.':
    'numericalGradient(f, x, h)：用中心差分求 f 在 x 处的梯度，每次只把 x 的一个分量移动 h 和 -h。',
  'For each n: f where x[n] is larger by h, minus f where x[n] is smaller by h. All other entries are as they were.':
    '对每个 n：x[n] 增大 h 时的 f，减去 x[n] 减小 h 时的 f。其他分量保持原样。',
  'The two points lie 2 h apart: divide the difference by 2 h.': '两点相距 2 h：把差除以 2 h。',
  'const moved = (n, step) => x.map((each, t) => (t === n ? each + step : each)); then (f(moved(n, h)) - f(moved(n, -h))) / (2 * h) for every n.':
    'const moved = (n, step) => x.map((each, t) => (t === n ? each + step : each))；然后对每个 n 计算 (f(moved(n, h)) - f(moved(n, -h))) / (2 * h)。',
  'This difference has one side, f(x + h) - f(x): its error shrinks like h. With f(x + h) - f(x - h) over 2 h it shrinks like the square of h.':
    '这是单侧差分 f(x + h) - f(x)：误差按 h 减小。用 f(x + h) - f(x - h) 除以 2 h，误差按 h 的平方减小。',
  'The two points lie 2 h apart, but the difference is divided by h: every entry is twice as large as it should be.':
    '两点相距 2 h，却只除以 h：每个分量都是应有值的两倍。',
  'x[n] is changed and not put back, so the entries that come later are differentiated at another point.':
    'x[n] 改动之后没有恢复，后面的分量就是在另一个点上求导的。',
  'All entries of x are moved at once: that gives the sum of all derivatives. Move one at a time.':
    'x 的所有分量同时移动：得到的是所有偏导数之和。每次只移动一个。',

  'attentionBackward({ q, k, v, out, lse, dout }): { dq, dk, dv } of one head with scale 1 / sqrt(D), from what the forward pass left.':
    'attentionBackward({ q, k, v, out, lse, dout })：由前向传播留下的数据求一个头的 { dq, dk, dv }，scale 为 1 / sqrt(D)。',
  'Five products: the scores from q and k, dP from dout and v, and then dv, dq and dk. P comes from the scores and lse alone.':
    '共五个矩阵乘积：由 q 和 k 得分数，由 dout 和 v 得 dP，然后是 dv、dq 和 dk。P 只由分数和 lse 得到。',
  'P[i][j] = exp(scale * q[i].k[j] - lse[i]), delta[i] = dout[i].out[i], dS[i][j] = P[i][j] * (dout[i].v[j] - delta[i]).':
    'P[i][j] = exp(scale * q[i].k[j] - lse[i])，delta[i] = dout[i].out[i]，dS[i][j] = P[i][j] * (dout[i].v[j] - delta[i])。',
  'dv = P^T dout, dq = scale dS k, dk = scale dS^T q. In loops: for every i and j add P[i][j] * dout[i] to dv[j], scale * dS[i][j] * k[j] to dq[i], scale * dS[i][j] * q[i] to dk[j].':
    'dv = P^T dout，dq = scale dS k，dk = scale dS^T q。写成循环：对每个 i 和 j，把 P[i][j] * dout[i] 加到 dv[j]，把 scale * dS[i][j] * k[j] 加到 dq[i]，把 scale * dS[i][j] * q[i] 加到 dk[j]。',
  's = scale q.k, so the scale is in the derivative, too: dq and dk need the factor scale. dv does not.':
    's = scale q.k，所以导数里也有 scale：dq 和 dk 要乘以 scale，dv 不用。',
  'delta is missing: dS is P * dP there, but a score moves all weights of its row, since they sum to 1. dS = P * (dP - delta).':
    '缺了 delta：这里 dS 是 P * dP，但一行的权重之和为 1，一个分数会改变该行的所有权重。dS = P * (dP - delta)。',
  'delta is the plain sum of a row of dP. Each dP[i][j] has to be weighted by P[i][j]; dout[i].out[i] is the same number.':
    'delta 是 dP 一行的普通和。每个 dP[i][j] 都要乘以权重 P[i][j]；dout[i].out[i] 是同一个数。',
  'dk is made with dS where it should be its transpose: dk[j] is a sum over the queries i, of dS[i][j] q[i].':
    'dk 用的是 dS，应当用它的转置：dk[j] 是对查询 i 求和，即 dS[i][j] q[i] 之和。',
  'dv is made with P where it should be its transpose: dv[j] is a sum over the queries i, of P[i][j] dout[i].':
    'dv 用的是 P，应当用它的转置：dv[j] 是对查询 i 求和，即 P[i][j] dout[i] 之和。',
  'dk is made with P, which is right for dv. Scores go to k, so dk is made with dS.':
    'dk 用的是 P，那是求 dv 用的。k 通过分数起作用，所以 dk 要用 dS。',
  'The scores that P is recomputed from lack the scale: lse belongs to scale * q.k, and with other scores the rows of P do not sum to 1.':
    '重新计算 P 所用的分数缺了 scale：lse 对应的是 scale * q.k，换成别的分数，P 各行之和就不是 1。',

  'rowWeights(s, allowed): { p, lse } of a row of scores, softmax over the allowed keys and 0 elsewhere; with none allowed all of p is 0 and lse is -Infinity.':
    'rowWeights(s, allowed)：一行分数的 { p, lse }；在允许的键上做 softmax，其余为 0；若没有允许的键，p 全为 0，lse 为 -Infinity。',
  'A forbidden key has s = -Infinity, and exp(-Infinity) = 0. The maximum is taken over what is allowed.':
    '被禁止的键 s = -Infinity，而 exp(-Infinity) = 0。最大值只在允许的键上取。',
  'With no key allowed the maximum is -Infinity as well, and -Infinity - (-Infinity) is NaN. What may you subtract instead? The other trap is the division by l = 0.':
    '没有允许的键时，最大值也是 -Infinity，而 -Infinity - (-Infinity) 是 NaN。这时可以改减什么？另一个陷阱是除以 l = 0。',
  'If no key is allowed, return { p: all 0, lse: -Infinity } at once. Else: m over the allowed, f = allowed ? exp(s - m) : 0, l = sum of f, p = f / l, lse = m + log(l).':
    '若没有允许的键，直接返回 { p: 全 0, lse: -Infinity }。否则：在允许的键上取 m，f = allowed ? exp(s - m) : 0，l 为 f 之和，p = f / l，lse = m + log(l)。',
  'Forbidden scores are a large negative number such as -1e10. If all are, softmax subtracts it again and every key gets the weight 1 / N.':
    '被禁止的分数用了 -1e10 这样很大的负数。如果全部被禁止，softmax 又会把它减掉，每个键都得到权重 1 / N。',
  'A row with nothing allowed gives NaN: its maximum is -Infinity, and -Infinity - (-Infinity) is NaN.':
    '没有允许的键的行得到 NaN：它的最大值是 -Infinity，而 -Infinity - (-Infinity) 是 NaN。',
  'p is right, but lse of a row with nothing allowed is the logarithm of an empty sum: -Infinity, not 0.':
    'p 是对的，但没有允许的键的行，其 lse 是空和的对数：-Infinity，而不是 0。',
  'The weights are set to 0 after the softmax, so that forbidden keys are still in its sum: what is left does not sum to 1.':
    '权重是在 softmax 之后才置 0 的，被禁止的键仍在它的和里：剩下的权重之和不是 1。',
  'The maximum is taken over forbidden keys as well. Where one of them is far above all that is allowed, every exp is 0. Take it over the allowed keys.':
    '最大值也包含了被禁止的键。若其中一个远大于所有允许的键，每个 exp 都是 0。应只在允许的键上取最大值。',
  'A forbidden score is 0 there, but exp(0) is 1, not 0. A forbidden score is -Infinity.':
    '被禁止的分数这里是 0，但 exp(0) 是 1，不是 0。被禁止的分数应为 -Infinity。',

  'dropoutBackward({ p, dw, keep, rate }): ds of a row with weights p, from dw, the gradient of the dropped weights w = keep * p / (1 - rate).':
    'dropoutBackward({ p, dw, keep, rate })：由 dw（dropout 后的权重 w = keep * p / (1 - rate) 的梯度）求权重为 p 的一行的 ds。',
  'Two steps backwards: from dw to dp through the dropout, then from dp to ds through the softmax.':
    '反向分两步：先穿过 dropout，由 dw 得 dp；再穿过 softmax，由 dp 得 ds。',
  'w[j] = keep[j] / (1 - rate) * p[j] is a product with a number, so dp[j] = keep[j] / (1 - rate) * dw[j].':
    'w[j] = keep[j] / (1 - rate) * p[j] 只是乘以一个数，所以 dp[j] = keep[j] / (1 - rate) * dw[j]。',
  'delta = the sum of p[k] * dp[k] and ds[j] = p[j] * (dp[j] - delta): with p, not with w, also where keep is 0.':
    'delta 是 p[k] * dp[k] 之和，ds[j] = p[j] * (dp[j] - delta)：用 p 而不是 w，keep 为 0 处也一样。',
  'The mask is not applied on the way back: a weight that was dropped did nothing to out, so its dp is 0.':
    '反向时没有应用掩码：被丢弃的权重对 out 没有作用，所以它的 dp 是 0。',
  'dp is masked and not rescaled: w = keep * p / (1 - rate), so 1 / (1 - rate) is a factor of dp as well.':
    'dp 应用了掩码，但没有重新缩放：w = keep * p / (1 - rate)，所以 dp 也有因子 1 / (1 - rate)。',
  'delta is made with dw, before the mask. It is the sum of p * dp, which is the sum of w * dw, and so dout.out with the dropped out.':
    'delta 用了未经掩码的 dw。它应是 p * dp 之和，也就是 w * dw 之和，即 dout.out（out 是 dropout 之后的）。',
  'The factor in front is w, the dropped weights. Softmax knows nothing of dropout: it is p * (dp - delta), and a dropped key still gets -p * delta.':
    '前面的因子用了 w，即 dropout 后的权重。softmax 不知道 dropout：应是 p * (dp - delta)，被丢弃的键仍然得到 -p * delta。',
};

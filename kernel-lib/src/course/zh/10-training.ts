import type { Catalogue } from '../translate';

export const training: Catalogue = {
  'crossEntropy(logits, target): { loss, dlogits }, the loss -log softmax(logits)[target] and its gradient by the logits, finite for all finite logits.':
    'crossEntropy(logits, target)：返回 { loss, dlogits }，即损失 -log softmax(logits)[target] 及其对 logit 的梯度；只要 logit 有限，结果就有限。',
  'loss = lse - logits[target]; lse = m + log(the sum of exp(logits[c] - m)) with m the largest logit.':
    'loss = lse - logits[target]；lse = m + log(exp(logits[c] - m) 之和)，其中 m 是最大的 logit。',
  'The gradient of lse by logits[c] is p[c] = exp(logits[c] - lse). The other term of the loss has a gradient at one place only.':
    'lse 对 logits[c] 的梯度是 p[c] = exp(logits[c] - lse)。损失的另一项只在一个位置上有梯度。',
  'dlogits[c] = exp(logits[c] - lse), and at c = target 1 less than that.':
    'dlogits[c] = exp(logits[c] - lse)，而在 c = target 处再减 1。',
  'Nothing is subtracted before exp, so large logits overflow and very negative ones all become 0. Subtract the largest logit, as in notebook 1.':
    '取 exp 之前什么都没有减，所以大的 logit 会溢出，很小的负数则全部变成 0。要像第 1 课那样减去最大的 logit。',
  'p of the target is 0 in floating point where its logit is far below the others, and -log 0 is Infinity. Take lse - logits[target], which never makes p.':
    '当目标的 logit 远低于其他 logit 时，它的 p 在浮点数中是 0，而 -log 0 是 Infinity。应取 lse - logits[target]，其中不会出现 p。',
  'dlogits is p: that is the gradient of lse alone. The loss has also -logits[target], which takes 1 away at the target.':
    'dlogits 就是 p：那只是 lse 的梯度。损失里还有 -logits[target]，它在目标处减去 1。',
  'The sign of dlogits is wrong: the loss falls when the logit of the target grows, so the gradient there is negative.':
    'dlogits 的符号错了：目标的 logit 变大时损失下降，所以那里的梯度是负的。',
  'The sign of the loss is wrong: log p is negative, and the loss is -log p.':
    '损失的符号错了：log p 是负的，而损失是 -log p。',
  'dlogits is divided by the number of logits. This is one position: nothing is averaged.':
    'dlogits 被除以了 logit 的个数。这里只有一个位置，不取平均。',
  'linearBackward({ x, w, dy }): { dx, dw, db }, the gradients of x (R,K), w (O,K) and b (O), where y = x wᵀ + b and dy (R,O) is the gradient of y.':
    'linearBackward({ x, w, dy })：返回 { dx, dw, db }，即 x (R,K)、w (O,K) 和 b (O) 的梯度，其中 y = x wᵀ + b，dy (R,O) 是 y 的梯度。',
  'Each gradient has the shape of its variable. For one entry of it, sum over all entries of y that the variable reaches: dy there, times the factor.':
    '每个梯度与它的变量形状相同。对其中一个元素，对该变量所通向的 y 的所有元素求和：那里的 dy 乘以因子。',
  'x[r][c] reaches y[r][o] for every o, with w[o][c]. w[o][c] reaches y[r][o] for every r, with x[r][c]. b[o] reaches y[r][o] for every r, with 1.':
    'x[r][c] 对每个 o 都通向 y[r][o]，因子是 w[o][c]。w[o][c] 对每个 r 都通向 y[r][o]，因子是 x[r][c]。b[o] 对每个 r 都通向 y[r][o]，因子是 1。',
  'dx = dy w; dw = dyᵀ x; db = the sum of dy over its rows.': 'dx = dy w；dw = dyᵀ x；db = dy 各行之和。',
  'dw is transposed: w is (O,K), so dw is, too: dw[o][c] sums dy[r][o] x[r][c] over r.':
    'dw 转置了：w 是 (O,K)，dw 也应如此：dw[o][c] 是 dy[r][o] x[r][c] 对 r 之和。',
  'dx multiplies by w the wrong way round: forward multiplies by wᵀ, so backward multiplies by w, dx[r][c] = the sum over o of dy[r][o] w[o][c].':
    'dx 乘 w 的方向反了：前向乘的是 wᵀ，所以反向乘 w，dx[r][c] = dy[r][o] w[o][c] 对 o 之和。',
  'dw and db are means over the rows. Every row uses the same w and b, so what comes back from the rows is added; a mean is a matter of the loss.':
    'dw 和 db 取成了各行的平均。每一行都用同样的 w 和 b，所以从各行传回来的要相加；取平均是损失的事。',
  'db is the mean over the rows, but b is added to every row, so its gradient is the sum.':
    'db 取成了各行的平均；但 b 加在每一行上，所以它的梯度是各行之和。',
  'dw and db are those of the last row only: add the rows up (+=) instead of writing each over the one before.':
    'dw 和 db 只是最后一行的：应把各行累加起来（+=），而不是用后一行覆盖前一行。',
  'adamStep({ w, g, m, v, t, lr, beta1, beta2, eps }): { w, m, v } after step t = 1, 2, … of Adam with bias correction.':
    'adamStep({ w, g, m, v, t, lr, beta1, beta2, eps })：带偏差修正的 Adam 在第 t = 1, 2, … 步之后的 { w, m, v }。',
  'First the new means: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g², entry by entry. These are what is returned as m and v.':
    '先算新的平均值：m = beta1 m + (1 - beta1) g，v = beta2 v + (1 - beta2) g²，逐个元素计算。作为 m 和 v 返回的就是它们。',
  'For the step alone, divide them: mHat = m / (1 - beta1 ** t), vHat = v / (1 - beta2 ** t).':
    '只为这一步做除法：mHat = m / (1 - beta1 ** t)，vHat = v / (1 - beta2 ** t)。',
  'w = w - lr * mHat / (Math.sqrt(vHat) + eps).': 'w = w - lr * mHat / (Math.sqrt(vHat) + eps)。',
  'There is no bias correction: m and v begin at 0, so in step t they are divided by 1 - beta1 ** t and 1 - beta2 ** t.':
    '缺少偏差修正：m 和 v 从 0 开始，所以在第 t 步要分别除以 1 - beta1 ** t 和 1 - beta2 ** t。',
  'The correction is that of the first step in every step: divide by 1 - beta ** t, which goes to 1.':
    '每一步都用了第一步的修正：应除以 1 - beta ** t，它趋于 1。',
  't is one too small in the correction. The first step has t = 1; with 0 there, 1 - beta ** 0 is 0, and the division gives NaN or Infinity.':
    '修正中的 t 小了 1。第一步 t = 1；若用 0，则 1 - beta ** 0 是 0，除法得到 NaN 或 Infinity。',
  't is one too large in the correction: it is 1 in the first step already.': '修正中的 t 大了 1：第一步它已经是 1。',
  'eps is inside of the root. There it is a square: for small gradients sqrt(v + eps) is much more than sqrt(v) + eps.':
    'eps 放到根号里面去了。在那里它相当于平方：梯度小时，sqrt(v + eps) 远大于 sqrt(v) + eps。',
  'v is a mean of g, but it should be one of g squared; the root brings it back to the size of g.':
    'v 取成了 g 的平均，而它应是 g 平方的平均；开方之后才回到 g 的量级。',
  'The root is missing: v has the size of g squared, so m is divided by sqrt(v) + eps.':
    '缺少开方：v 的量级是 g 的平方，所以 m 要除以 sqrt(v) + eps。',
  'The step goes up the gradient: subtract it from w.': '这一步是沿梯度上升的：应从 w 中减去。',
  'w is right, but the corrected m and v are kept. Keep the plain ones: the next step corrects them anew.':
    'w 是对的，但保存的是修正后的 m 和 v。应保存未修正的：下一步会重新修正。',
  'greedyDecode(step, prompt, count): the count tokens that follow the prompt, each the one with the largest logit, with as few calls of step as can be.':
    'greedyDecode(step, prompt, count)：提示之后的 count 个 token，每个都是 logit 最大的那个，并且 step 的调用次数尽可能少。',
  'Feed the prompt first: step(prompt[0], 0), step(prompt[1], 1), and so on. What the last of these calls gives are the logits of the first new token.':
    '先喂入提示：step(prompt[0], 0)、step(prompt[1], 1)，依此类推。最后一次调用给出的就是第一个新 token 的 logit。',
  'Then take the largest logit, keep its token, and feed it at the next position, which is prompt.length for the first new token.':
    '然后取最大的 logit，记下它的 token，并在下一个位置喂入；对第一个新 token，这个位置是 prompt.length。',
  'The last new token need not be fed: prompt.length + count - 1 calls are enough.':
    '最后一个新 token 不必再喂入：调用 prompt.length + count - 1 次就够了。',
  'Only the last token of the prompt is fed. The others have to go through step as well, one by one: else the model has never seen them.':
    '只喂入了提示的最后一个 token。其余的也必须一个一个经过 step，否则模型从未见过它们。',
  'The last token of the prompt is fed twice. Its first pass has already given the logits of the first new token.':
    '提示的最后一个 token 喂入了两次。第一次就已经给出了第一个新 token 的 logit。',
  'The first new token is missing: it comes from the logits after the last token of the prompt, before anything new is fed.':
    '缺了第一个新 token：它来自提示的最后一个 token 之后的 logit，那时还没有喂入任何新的东西。',
  'The positions begin at 0 again after the prompt. The first new token stands at position prompt.length.':
    '提示之后位置又从 0 开始了。第一个新 token 的位置是 prompt.length。',
  'The tokens are right, but the last one is fed, too, and nobody looks at what comes out: one call of step too many.':
    'token 是对的，但最后一个也喂入了，而结果没有人看：多调用了一次 step。',
  'The search for the largest logit begins at 0, so it finds none where all are negative. Begin with the first logit, or -Infinity.':
    '寻找最大 logit 时从 0 开始，所以全是负数时一个也找不到。应从第一个 logit 或 -Infinity 开始。',
  'Everything is fed again for each new token. step remembers what it was fed: feed the prompt once, and then each new token once.':
    '每个新 token 都把一切重新喂了一遍。step 记得喂过什么：提示只喂一次，之后每个新 token 各喂一次。',
  'The prompt is part of the result. Only the new tokens are asked for.': '结果里包含了提示。要的只是新的 token。',
};

import type { Catalogue } from '../translate';

/** What every exercise says. */
export const messages: Catalogue = {
  '%1 is not done yet. Write it in the cell above; %2 helps.': '%1 还没有完成。请写在上面的单元格里；%2 会给出提示。',
  '%1: right on all %2 hidden inputs.': '%1：全部 %2 组隐藏输入都正确。',
  'Hint %1 of %2': '提示 %1（共 %2 条）',
  '%1: right on %2 of %3 hidden inputs.': '%1：%3 组隐藏输入中有 %2 组正确。',
  'The first one that is wrong: %1.': '第一组出错的输入：%1。',
  'More help: %1': '更多帮助：%1',
  'Looks like this: %1': '看起来是这个问题：%1',
  'There it threw an error, see below.': '在这组输入上抛出了错误，见下文。',
  'Expected as %1: %2, got %3.': '%1 应为 %2，得到的是 %3。',
  'a number': '一个数',
  numbers: '数',
  result: '结果',
  output: '输出',
  index: '下标',
  expected: '期望',
  got: '得到',
  'allowed difference': '允许误差',
  '%1 of %2 numbers differ:': '%2 个数中有 %1 个不同：',
};

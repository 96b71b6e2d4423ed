import { attentionBackward } from './05-backward-attention';
import { finiteDifference } from './05-backward-finite-difference';
import { dropoutBackward, emptyRows, softmaxBackward } from './05-backward-rows';

export const backward = {
  'softmax-backward': softmaxBackward,
  'attention-backward': attentionBackward,
  'finite-difference': finiteDifference,
  'empty-rows': emptyRows,
  'dropout-backward': dropoutBackward,
};

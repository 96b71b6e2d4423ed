import { trainingGradients } from './10-training-gradients';
import { trainingSteps } from './10-training-steps';

export const training = { ...trainingGradients, ...trainingSteps };

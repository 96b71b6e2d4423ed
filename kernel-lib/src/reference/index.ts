export { roundToFloat16 } from './float16';
export { referenceForward, yardstickForward, type ForwardReference } from './forward';
export { noSums, referenceBackward, yardstickBackward, type BackwardReference } from './backward';
export { storedRows } from './place';
export type { ReferenceInputs } from './row';
export { gatherRows, keepRows, sampleRows } from './sample';
export { allowedError, compare, type Comparison, type ErrorBudget } from './tolerance';

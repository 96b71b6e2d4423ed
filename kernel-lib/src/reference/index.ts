export type { Values } from './arithmetic';
export { referenceForward, yardstickForward, type ForwardReference } from './forward';
export { referenceBackward, yardstickBackward, type BackwardReference } from './backward';
export { gatherRows, keepRows, sampleRows } from './sample';
export { allowedError, compare, type Comparison, type ErrorBudget } from './tolerance';

import type { Magic } from './magic';

/** Forgets the notebook's variables. */
export const reset: Magic = {
  kind: 'line',
  name: 'reset',
  usage: '%reset',
  summary: 'Forgets all variables of the notebook, when the cell has ended.',

  run({ notebook }) {
    notebook.reset();
    return Promise.resolve();
  },
};

import type { KeyboardEvent } from 'react';
import type { PlayerModel } from './player-model';

/** Elements that have a use of their own for the arrow keys. */
const TAKES_ARROWS = 'select, input';
const TAKES_SPACE = 'button, select, input[type=radio]';

/** Left and right step, Home and End go to the ends, Space plays, wherever in the player the focus is. */
export function takeKey(event: KeyboardEvent, model: PlayerModel): void {
  // A notebook takes the focus back to its cell with every key that it sees.
  event.stopPropagation();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Element;
  const { index } = model.position();
  const steps: Record<string, number> = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: Infinity };
  if (event.key in steps && !target.matches(TAKES_ARROWS)) {
    event.preventDefault();
    model.goTo(steps[event.key]);
  } else if (event.key === ' ' && !target.matches(TAKES_SPACE)) {
    event.preventDefault();
    model.toggle();
  }
}

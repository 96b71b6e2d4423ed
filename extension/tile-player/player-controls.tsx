import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { SPEEDS, type PlayerModel } from './player-model';
import { stepWords } from './player-words';
import { momentAt } from './player-state';

/** Outlines in a box of 16 x 16. */
const ICONS = {
  first: 'M3 3h2v10H3zM13 3v10L6 8z',
  previous: 'M11 3v10L4 8z',
  play: 'M4 2.5v11L13 8z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  next: 'M5 3v10l7-5z',
  last: 'M11 3h2v10h-2zM3 3v10l7-5z',
};

interface ButtonProps {
  readonly icon: keyof typeof ICONS;
  readonly label: string;
  readonly off?: boolean;
  readonly act: () => void;
}

/** One that can do nothing for now stays in the tab order: it may have the focus. */
function Button({ icon, label, off = false, act }: ButtonProps): React.JSX.Element {
  return (
    <button type="button" aria-label={label} title={label} aria-disabled={off} onClick={() => off || act()}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d={ICONS[icon]} />
      </svg>
    </button>
  );
}

/** First, previous, play, next, last; the slider; the speed. */
export function PlayerControls({ model, trans }: { model: PlayerModel; trans: TranslationBundle }): React.JSX.Element {
  const { algorithm, index, playing, speed } = model.position();
  const course = model.courses[algorithm];
  const last = course.walk.steps.length - 1;
  return (
    <div className="jp-FlashLab-player-controls" role="group" aria-label={trans.__('Playback')}>
      <div className="jp-FlashLab-player-buttons">
        <Button icon="first" label={trans.__('First step')} off={index === 0} act={() => model.goTo(0)} />
        <Button icon="previous" label={trans.__('Previous step')} off={index === 0} act={() => model.goTo(index - 1)} />
        <Button
          icon={playing ? 'pause' : 'play'}
          label={playing ? trans.__('Pause') : trans.__('Play')}
          off={last === 0}
          act={() => model.toggle()}
        />
        <Button icon="next" label={trans.__('Next step')} off={index === last} act={() => model.goTo(index + 1)} />
        <Button icon="last" label={trans.__('Last step')} off={index === last} act={() => model.goTo(last)} />
      </div>
      <input
        type="range"
        min={1}
        max={last + 1}
        value={index + 1}
        aria-label={trans.__('Step')}
        aria-valuetext={stepWords(trans, course, momentAt(course, index))}
        onChange={(event) => model.goTo(Number(event.target.value) - 1)}
      />
      <span>{`${index + 1} / ${last + 1}`}</span>
      <label>
        {trans.__('Speed')}
        <select value={speed} onChange={(event) => model.setSpeed(Number(event.target.value))}>
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {trans.__('%1 per second', one)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

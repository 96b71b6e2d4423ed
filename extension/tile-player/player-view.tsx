import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { AlgorithmChoice } from './algorithm-choice';
import { OnChip } from './on-chip';
import { PlayerControls } from './player-controls';
import type { PlayerModel } from './player-model';
import { takeKey } from './player-keys';
import { momentAt } from './player-state';
import { changeWords, loopWords, stepWords } from './player-words';
import { StateTable } from './state-table';
import { TileMap } from './tile-map';
import { TrafficPanel } from './traffic-panel';

/** The whole player: controls, the map of tiles, what is on chip, what changes, what crosses. */
export function PlayerView({ model, trans }: { model: PlayerModel; trans: TranslationBundle }): React.JSX.Element {
  const { algorithm, index, playing, speed } = React.useSyncExternalStore(model.subscribe, model.position);
  const course = model.courses[algorithm];
  const moment = React.useMemo(() => momentAt(course, index), [course, index]);

  React.useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(() => model.tick(), 1000 / speed);
    return () => clearTimeout(timer);
  }, [model, playing, index, speed]);

  return (
    // It takes the focus when it is clicked anywhere, so that keys are its own.
    <div
      role="group"
      tabIndex={-1}
      aria-label={trans.__('FlashAttention, tile by tile')}
      onKeyDown={(event) => takeKey(event, model)}
    >
      <AlgorithmChoice model={model} chosen={algorithm} trans={trans} />
      <p className="jp-FlashLab-player-loops">{loopWords(trans, algorithm)}</p>
      <PlayerControls model={model} trans={trans} />
      <p
        className="jp-FlashLab-player-words"
        aria-live={playing ? 'off' : 'polite'}
        aria-atomic="true"
        data-step={index + 1}
      >
        <strong>{stepWords(trans, course, moment)}</strong> {changeWords(trans, course, moment)}
      </p>
      <div className="jp-FlashLab-player-stage">
        <TileMap course={course} index={index} trans={trans} />
        <div className="jp-FlashLab-player-chip">
          <OnChip course={course} moment={moment} trans={trans} />
          <StateTable course={course} moment={moment} trans={trans} />
        </div>
      </div>
      <TrafficPanel model={model} moment={moment} trans={trans} />
    </div>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { PlayerModel } from './player-model';
import type { Algorithm } from './player-run';
import { ALGORITHMS } from './player-words';

interface Props {
  readonly model: PlayerModel;
  readonly chosen: Algorithm;
  readonly trans: TranslationBundle;
}

/** Whose order of loops is played. */
export function AlgorithmChoice({ model, chosen, trans }: Props): React.JSX.Element {
  const name = React.useId();
  return (
    <fieldset className="jp-FlashLab-player-algorithms">
      <legend>{trans.__('Algorithm')}</legend>
      {(Object.keys(ALGORITHMS) as Algorithm[]).map((algorithm) => (
        <label key={algorithm} data-chosen={algorithm === chosen}>
          <input
            type="radio"
            name={name}
            value={algorithm}
            checked={algorithm === chosen}
            onChange={() => model.choose(algorithm)}
          />
          {ALGORITHMS[algorithm]}
        </label>
      ))}
    </fieldset>
  );
}

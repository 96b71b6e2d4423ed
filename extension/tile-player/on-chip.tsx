import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { HeatMatrix } from './heat-matrix';
import { largest, part, type Course, type Moment } from './player-state';
import { rangeText } from './player-words';

interface Props {
  readonly course: Course;
  readonly moment: Moment;
  readonly trans: TranslationBundle;
}

/** The matrices of one step: Q, K and V of the tile, S and P made of them. */
export function OnChip({ course, moment, trans }: Props): React.JSX.Element {
  const { run, walk, algorithm } = course;
  const { step, queries, keys, s, p, loaded, last } = moment;
  // One scale for all steps, so that their colours can be compared.
  const most = React.useMemo(
    () => ({ q: largest(run.q), k: largest(run.k), v: largest(run.v), s: largest(run.s) }),
    [run],
  );
  const came = (fresh: boolean) => ({ words: fresh ? trans.__('loaded now') : trans.__('stayed on chip'), fresh });
  const made = { words: trans.__('made on chip'), fresh: false };
  const [ofQueries, ofKeys] = [
    { letter: 'q', range: queries },
    { letter: 'k', range: keys },
  ];
  const [i, j, ij] = [String(step.i), String(step.j), `${step.i}${step.i > 9 || step.j > 9 ? ',' : ''}${step.j}`];
  const values = { letter: 'v', range: keys };
  const [q, k, v] = [part(run.q, queries), part(run.k, keys), part(run.v, keys)];
  return (
    <div role="group" aria-label={trans.__('On chip')}>
      <p className="jp-FlashLab-player-title">
        {trans.__('On chip')}
        <small>{trans.__('orange is above 0, blue below')}</small>
      </p>
      <div className="jp-FlashLab-player-matrices">
        <HeatMatrix
          {...{ name: 'Q', index: i, matrix: q, most: most.q, rows: ofQueries, badge: came(loaded.q), trans }}
          meaning={trans.__('queries %1', rangeText(queries))}
        />
        <HeatMatrix
          {...{ name: 'K', index: j, matrix: k, most: most.k, rows: ofKeys, badge: came(loaded.kv), trans }}
          meaning={trans.__('keys %1', rangeText(keys))}
        />
        <HeatMatrix
          {...{ name: 'V', index: j, matrix: v, most: most.v, rows: values, badge: came(loaded.kv), trans }}
          meaning={trans.__('values %1', rangeText(keys))}
        />
      </div>
      <div className="jp-FlashLab-player-matrices">
        <HeatMatrix
          {...{ name: 'S', index: ij, matrix: s, most: most.s, rows: ofQueries, columns: ofKeys, badge: made, trans }}
          meaning={trans.__('scale · Q Kᵀ')}
        />
        <HeatMatrix
          {...{ name: 'P', index: ij, matrix: p, most: 1, rows: ofQueries, columns: ofKeys, badge: made, trans }}
          meaning={algorithm === 'flash1' ? trans.__('exp(S − row maximum of S)') : trans.__('exp(S − m)')}
        />
        {algorithm === 'flash2' && last && (
          <HeatMatrix
            {...{ name: 'out', index: i, matrix: part(walk.out, queries), most: most.v, rows: ofQueries, trans }}
            badge={{ words: trans.__('stored now'), fresh: true }}
            meaning={trans.__('O / l')}
          />
        )}
      </div>
    </div>
  );
}

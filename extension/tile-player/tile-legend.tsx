import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Algorithm } from './player-run';

interface Props {
  readonly trans: TranslationBundle;
  /** The pattern of what is not seen. */
  readonly hatch: string;
  readonly algorithm: Algorithm;
}

/** What the looks of a tile mean. */
export function TileLegend({ trans, hatch, algorithm }: Props): React.JSX.Element {
  const entries: [string, string][] = [
    ['now', trans.__('on chip now')],
    ['coming', trans.__('still to come')],
    ['visited', trans.__('visited, in this order')],
    ['done', trans.__('O: final')],
    ...(algorithm === 'flash1'
      ? [['partial', trans.__('O: so far, in device memory')] satisfies [string, string]]
      : []),
    ['skipped', trans.__('masked; tiles that are all masked are skipped')],
  ];
  return (
    <figcaption>
      {entries.map(([state, words]) => (
        <span key={state}>
          <svg width="18" height="14" aria-hidden="true">
            <g data-state={state}>
              <rect
                x="1.5"
                y="1.5"
                width="15"
                height="11"
                style={{ fill: state === 'skipped' ? `url(#${hatch})` : undefined }}
              />
            </g>
          </svg>
          {words}
        </span>
      ))}
    </figcaption>
  );
}

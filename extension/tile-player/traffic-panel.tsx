import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { PlayerModel } from './player-model';
import type { Algorithm, Traffic } from './player-run';
import type { Moment } from './player-state';
import { ALGORITHMS } from './player-words';

interface Props {
  readonly model: PlayerModel;
  readonly moment: Moment;
  readonly trans: TranslationBundle;
}

/** Elements that cross between device memory and chip: in this step, so far, and at the end beside the other algorithm. */
export function TrafficPanel({ model, moment, trans }: Props): React.JSX.Element {
  const { algorithm } = model.position();
  const { total } = model.courses[algorithm].walk;
  const lines: [string, string, Traffic][] = [
    ['step', trans.__('this step'), moment.traffic],
    ['crossed', trans.__('so far'), moment.crossed],
    ['total', trans.__('at the end'), total],
  ];
  return (
    <div role="group" aria-label={trans.__('Device memory')} className="jp-FlashLab-player-traffic">
      <p className="jp-FlashLab-player-title">{trans.__('Elements that cross between device memory and chip')}</p>
      <div>
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">{trans.__('read')}</th>
              <th scope="col">{trans.__('written')}</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(([name, words, { reads, writes }]) => (
              <tr key={name} data-traffic={name}>
                <th scope="row">{words}</th>
                <td>{reads}</td>
                <td>{writes}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <div className="jp-FlashLab-player-bars">
          {(Object.keys(ALGORITHMS) as Algorithm[]).map((name) => (
            <Bar key={name} {...{ name, model, trans }} crossed={name === algorithm ? moment.crossed : null} />
          ))}
        </div>
      </div>
    </div>
  );
}

interface BarProps {
  readonly name: Algorithm;
  readonly model: PlayerModel;
  /** How much of it has crossed; null for the algorithm that is not played. */
  readonly crossed: Traffic | null;
  readonly trans: TranslationBundle;
}

/** All that crosses at the end, as long as the longer of both is wide; what has crossed is filled. */
function Bar({ name, model, crossed, trans }: BarProps): React.JSX.Element {
  const { courses } = model;
  const sum = ({ reads, writes }: Traffic): number => reads + writes;
  const longest = Math.max(sum(courses.flash1.walk.total), sum(courses.flash2.walk.total));
  const { total } = courses[name].walk;
  const percent = (count: number): string => `${(100 * count) / Math.max(longest, 1)}%`;
  const words = trans.__(
    '%1: %2 at the end, %3 read and %4 written',
    ...[ALGORITHMS[name], sum(total), total.reads, total.writes],
  );
  return (
    <div data-bar={name} data-played={crossed !== null}>
      <span>{words}</span>
      <div aria-hidden="true">
        <div style={{ width: percent(total.reads) }} data-kind="reads">
          {crossed && <div style={{ width: `${(100 * crossed.reads) / Math.max(total.reads, 1)}%` }} />}
        </div>
        <div style={{ width: percent(total.writes) }} data-kind="writes">
          {crossed && <div style={{ width: `${(100 * crossed.writes) / Math.max(total.writes, 1)}%` }} />}
        </div>
      </div>
    </div>
  );
}

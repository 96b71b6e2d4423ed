import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { Badge } from './heat-matrix';
import type { Course, Moment } from './player-state';
import { numberText, outputWords } from './player-words';

/** With more columns of O a number stands below the one before it. */
const MOST_BESIDE = 2;

interface Props {
  readonly course: Course;
  readonly moment: Moment;
  readonly trans: TranslationBundle;
}

/** m, l and O of the queries on chip, before and after the step. */
export function StateTable({ course, moment, trans }: Props): React.JSX.Element {
  const { algorithm, walk } = course;
  const { step, before, queries, first, last, loaded } = moment;
  const width = step.o[0].length;
  const badge = loaded.state
    ? { words: trans.__('loaded, then stored'), fresh: true }
    : { words: first ? trans.__('begin on chip') : trans.__('stayed on chip'), fresh: false };
  const stored = algorithm === 'flash2' && last;
  return (
    <div role="group" aria-label={trans.__('Running state')} className="jp-FlashLab-player-state">
      <p className="jp-FlashLab-player-title">
        {trans.__('m, l and O: before → after')}
        <Badge {...badge} />
      </p>
      <div className="jp-FlashLab-player-scroll" tabIndex={0} role="group" aria-label={trans.__('m, l and O')}>
        <table data-stacked={width > MOST_BESIDE}>
          <thead>
            <tr>
              <th scope="col">{trans.__('query')}</th>
              <th scope="col" title={trans.__('largest score so far')}>
                m
              </th>
              <th scope="col" title={trans.__('sum of exp(s − m) so far')}>
                l
              </th>
              <th scope="colgroup" colSpan={width}>
                {algorithm === 'flash1' ? trans.__('O, a mean') : trans.__('O, a sum')}
              </th>
              {stored && (
                <th scope="col" title={trans.__('m + log(l)')}>
                  lse
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {step.m.map((m, r) => (
              <tr key={r}>
                <th scope="row">{queries.begin + r}</th>
                <Change name="m" from={before.m[r]} to={m} />
                <Change name="l" from={before.l[r]} to={step.l[r]} />
                {step.o[r].map((x, d) => (
                  <Change key={d} name="o" from={before.o[r][d]} to={x} />
                ))}
                {stored && <td data-name="lse">{numberText(walk.lse[queries.begin + r])}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p>{outputWords(trans, algorithm)}</p>
    </div>
  );
}

/** A number before and after; one that changed is bold. */
function Change({ name, from, to }: { name: string; from: number; to: number }): React.JSX.Element {
  const changed = !Object.is(from, to);
  return (
    <td data-name={name} data-changed={changed}>
      <span>{numberText(from)}</span>
      <span aria-hidden="true"> → </span>
      {changed ? <strong>{numberText(to)}</strong> : <span>{numberText(to)}</span>}
    </td>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { RunState } from '../../kernel-lib/src/jupyter/device-panel/messages';
import { formatMs } from './format';
import { Section, type SectionProps } from './section';

/** Running and past kernels with their times. */
export function Runs({ state: { runs }, trans }: SectionProps): React.JSX.Element {
  return (
    <Section title={trans.__('Kernels')}>
      {runs.length === 0 ? (
        <p>{trans.__('No kernel has run yet.')}</p>
      ) : (
        <table className="jp-FlashLab-runs">
          <thead>
            <tr>
              <th scope="col">{trans.__('Kernel')}</th>
              <th scope="col">{trans.__('Cell')}</th>
              <th scope="col" className="jp-FlashLab-number">
                {trans.__('Time')}
              </th>
            </tr>
          </thead>
          {runs.map((run) => (
            <Run key={run.id} run={run} trans={trans} />
          ))}
        </table>
      )}
    </Section>
  );
}

/** One run: a row for each of its kernels. */
function Run({ run, trans }: { run: RunState; trans: TranslationBundle }): React.JSX.Element {
  const { kernels, state, fraction, ms, clock, cell, problem } = run;
  const total = (): React.ReactNode => {
    if (state === 'running') {
      return <progress value={fraction} max={1} aria-label={trans.__('%1 of 100 done', Math.floor(100 * fraction))} />;
    }
    if (state === 'stopped') return trans.__('stopped');
    if (state === 'failed') return <span title={problem}>{trans.__('failed')}</span>;
    if (ms === null) return '';
    return clock === 'gpu' ? formatMs(ms) : trans.__('%1 (wall clock)', formatMs(ms));
  };
  return (
    <tbody className={`jp-FlashLab-run jp-FlashLab-${state}`}>
      {kernels.map(({ label, gpuMs }, n) => (
        <tr key={label}>
          <td>{label}</td>
          <td>{n === 0 ? cell : ''}</td>
          <td className="jp-FlashLab-number">
            {state === 'done' && gpuMs !== null && kernels.length > 1 ? formatMs(gpuMs) : n === 0 ? total() : ''}
          </td>
        </tr>
      ))}
      {state === 'failed' && (
        <tr>
          <td colSpan={3}>{problem}</td>
        </tr>
      )}
    </tbody>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { FromPanel, OwnerState, PanelState, RunState } from '../../kernel-lib/src/jupyter/device-panel/messages';
import { formatBytes, formatMs, round } from './format';

/** What each section of the panel is drawn from. */
export interface SectionProps {
  readonly state: PanelState;
  readonly trans: TranslationBundle;
  send(message: FromPanel): void;
}

interface FrameProps {
  readonly title: string;
  readonly children: React.ReactNode;
  /** A button beside the title. */
  readonly action?: { label: string; tooltip: string; disabled: boolean; run(): void };
}

/** A section with its heading and at most one button. */
export function Section({ title, action, children }: FrameProps): React.JSX.Element {
  return (
    <section className="jp-FlashLab-section" aria-label={title}>
      <header>
        <h3>{title}</h3>
        {action && (
          <button className="jp-FlashLab-button" title={action.tooltip} disabled={action.disabled} onClick={action.run}>
            {action.label}
          </button>
        )}
      </header>
      {children}
    </section>
  );
}

/** Names and values, a row each. */
function Facts({ rows }: { rows: readonly (readonly [string, React.ReactNode])[] }): React.JSX.Element {
  return (
    <dl className="jp-FlashLab-facts">
      {rows.map(([name, value]) => (
        <React.Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </React.Fragment>
      ))}
    </dl>
  );
}

/** Which adapter computes and why. */
export function Adapter({ state: { device, busy, notice }, trans, send }: SectionProps): React.JSX.Element {
  if (!device) {
    const action = {
      label: trans.__('Start'),
      tooltip: trans.__('Start the device now, so that the first call need not wait for it'),
      disabled: busy !== null,
      run: () => send({ type: 'start' }),
    };
    return (
      <Section title={trans.__('Adapter')} action={action}>
        <p>{trans.__('No device has been started. The first call of attention starts it.')}</p>
        {notice && 'problem' in notice && <p role="alert">{notice.problem}</p>}
      </Section>
    );
  }
  const { subgroupMinSize: min, subgroupMaxSize: max } = device;
  return (
    <Section title={trans.__('Adapter')}>
      <p className="jp-FlashLab-adapterName">{device.name}</p>
      <Facts
        rows={[
          [trans.__('Kind'), device.kind === 'hardware' ? trans.__('hardware') : trans.__('software')],
          [trans.__('Driver'), device.driver],
          [trans.__('Why this one'), device.reason],
          [trans.__('Subgroups'), min ? (max > min ? `${min}–${max}` : String(min)) : trans.__('none')],
          [trans.__('Times'), device.timestamps ? trans.__('on the GPU’s clock') : trans.__('on the wall clock')],
        ]}
      />
      <details>
        <summary>{trans.__('Features (%1)', device.features.length)}</summary>
        <ul className="jp-FlashLab-features">
          {device.features.map((feature) => (
            <li key={feature}>{feature}</li>
          ))}
        </ul>
      </details>
      <details>
        <summary>{trans.__('Limits (%1)', Object.keys(device.limits).length)}</summary>
        <Facts rows={Object.entries(device.limits).map(([name, value]) => [name, value.toLocaleString('en')])} />
      </details>
    </Section>
  );
}

/** What simple loops reach on the device, measured when asked for. */
export function Ceilings({ state: { device, ceilings, busy }, trans, send }: SectionProps): React.JSX.Element | null {
  if (!device) return null;
  const action = {
    label: busy === 'measure' ? trans.__('Measuring…') : trans.__('Measure'),
    tooltip: trans.__('Run three simple loops for a second or two; calls of the notebook wait meanwhile'),
    disabled: busy !== null,
    run: () => send({ type: 'measure' }),
  };
  return (
    <Section title={trans.__('Ceilings')} action={action}>
      {ceilings ? (
        <Facts
          rows={[
            [trans.__('Multiply-add'), `${round(ceilings.fmaGflops)} GFLOP/s`],
            ['exp2', `${round(ceilings.expGops)} Gop/s`],
            [trans.__('Copy'), `${round(ceilings.copyGBs)} GB/s`],
          ]}
        />
      ) : (
        <p>{trans.__('Not measured yet: what loops of one operation reach, to hold the rate of a kernel against.')}</p>
      )}
    </Section>
  );
}

/** Buffers by who holds them. */
export function Owners({
  state: { owners, busy },
  trans,
  onFree,
}: SectionProps & { onFree(owner: OwnerState): void }): React.JSX.Element | null {
  if (owners.length === 0) return null;
  return (
    <Section title={trans.__('Buffers by owner')}>
      <ul className="jp-FlashLab-owners">
        {owners.map((owner) => {
          const { name, kind, bytes, buffers, more } = owner;
          const shown = name || trans.__('(no cell)');
          return (
            <li key={`${kind} ${name}`}>
              <details>
                <summary>
                  <span className="jp-FlashLab-ownerName">{shown}</span>
                  <span className="jp-FlashLab-number">{formatBytes(bytes)}</span>
                </summary>
                <ul>
                  {buffers.map((buffer, n) => (
                    <li key={n}>
                      {`${buffer.label} ${buffer.text}`.trim()}
                      <span className="jp-FlashLab-number">{formatBytes(buffer.bytes)}</span>
                    </li>
                  ))}
                  {more > 0 && <li>{trans.__('and %1 more', more)}</li>}
                </ul>
              </details>
              <button
                className="jp-FlashLab-button"
                disabled={busy !== null}
                aria-label={trans.__('Free %1', shown)}
                onClick={() => onFree(owner)}
              >
                {trans.__('Free')}
              </button>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

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
    return ms === null ? '' : <span title={clockName(clock, trans)}>{formatMs(ms)}</span>;
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

const clockName = (clock: RunState['clock'], trans: TranslationBundle): string =>
  clock === 'gpu' ? trans.__('on the GPU’s clock') : trans.__('on the wall clock');

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { FromPanel, PanelState } from '../../kernel-lib/src/jupyter/device-panel/messages';

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
export function Facts({ rows }: { rows: readonly (readonly [string, React.ReactNode])[] }): React.JSX.Element {
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

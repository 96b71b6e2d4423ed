import React from 'react';
import type { OwnerState } from '../../kernel-lib/src/jupyter/device-panel/messages';
import { formatBytes } from './format';
import { Section, type SectionProps } from './section';

/** Buffers by who holds them. */
export function Owners({
  state: { owners, moreOwners, busy },
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
      {moreOwners > 0 && <p>{trans.__('and %1 more', moreOwners)}</p>}
    </Section>
  );
}

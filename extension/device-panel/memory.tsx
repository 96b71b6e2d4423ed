import React, { useEffect, useState } from 'react';
import { formatBytes } from './format';
import { Section, type SectionProps } from './section';
import { curveOf } from './sparkline';

/** How far back the curve goes, in milliseconds. */
const SPAN = 60_000;
const BOX = { width: 240, height: 44 };

/** Live device memory, its course over the last minute, and a button that frees what is not needed. */
export function Memory({
  state: { device, memory, busy, notice },
  trans,
  send,
  ahead,
}: SectionProps & { ahead: number }): React.JSX.Element | null {
  const now = useClock(device !== null);
  if (!device) return null;
  const { bytes, peak, samples } = memory;
  const { line, area } = curveOf(samples, { end: now + ahead, span: SPAN, top: peak, ...BOX });
  const ended = notice && ('freed' in notice ? trans.__('Freed %1.', formatBytes(notice.freed)) : notice.problem);
  const action = {
    label: busy === 'free' ? trans.__('Freeing…') : trans.__('Free'),
    tooltip: trans.__(
      'Collect tensors that nothing refers to any more, free copies of tensors that are also on the host, and give back what is kept for the next calls. Nothing is lost.',
    ),
    disabled: busy !== null,
    run: () => send({ type: 'free' }),
  };
  return (
    <Section title={trans.__('Device memory')} action={action}>
      <p className="jp-FlashLab-memory">
        <strong>{formatBytes(bytes)}</strong> {trans.__('in use, at most %1', formatBytes(peak))}
      </p>
      <svg
        className="jp-FlashLab-sparkline"
        viewBox={`0 -2 ${BOX.width} ${BOX.height + 4}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={trans.__('Device memory over the last minute, up to %1', formatBytes(peak))}
      >
        <path className="jp-FlashLab-area" d={area} />
        <path className="jp-FlashLab-line" d={line} vectorEffect="non-scaling-stroke" />
      </svg>
      <p className="jp-FlashLab-hint" role="status">
        {ended ?? trans.__('the last 60 s')}
      </p>
    </Section>
  );
}

/** The time, to the second, so that the curve moves while nothing happens. */
function useClock(ticking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ticking]);
  return Math.max(now, Date.now());
}

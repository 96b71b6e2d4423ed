import React from 'react';
import { Facts, Section, type SectionProps } from './section';

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

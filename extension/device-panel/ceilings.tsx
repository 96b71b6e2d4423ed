import React from 'react';
import { round } from './format';
import { Facts, Section, type SectionProps } from './section';

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

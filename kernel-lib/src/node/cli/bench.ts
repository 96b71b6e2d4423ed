import { type Algorithm, bench, type BenchOptions } from '../index';
import { jsonLines, type CommandResult } from './print';
import { UsageError } from './usage';

type Values = Record<string, string | boolean | undefined>;

/** `flashlab bench`: times of forward and backward. */
export async function benchCommand(values: Values): Promise<CommandResult> {
  const list = (name: string): string[] | undefined => (values[name] as string | undefined)?.split(',');
  const number = (name: string): number | undefined => numberOf(name, values[name] as string | undefined);
  const options = {
    seqs: list('seqs')?.map((length) => numberOf('seqs', length)!),
    algorithms: list('algorithms') as Algorithm[] | undefined,
    ...{ batch: number('batch'), heads: number('heads'), kvHeads: number('kv-heads'), dim: number('dim') },
    dtype: values.dtype as BenchOptions['dtype'],
    causal: values.causal === true,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const report = await bench(Object.fromEntries(given) as BenchOptions);
  const { device, clock } = report;
  const rows = report.rows.map((row) => ({ adapter: device.name, clock, ...row }));
  return { text: values.json === true ? jsonLines(rows) : `${report.toString()}\n`, code: 0 };
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name}: expected a whole number, got ${text}`);
  return Number(text);
}

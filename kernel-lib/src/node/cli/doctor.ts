import { doctor } from '../doctor';
import { jsonLines, type CommandResult } from './print';

/** `flashlab doctor`: exit code 1 where no GPU can be used. */
export async function doctorCommand({
  json = false,
  fix = false,
}: {
  json?: boolean;
  fix?: boolean;
}): Promise<CommandResult> {
  const { text, rows, ok } = await doctor({ fix });
  return { text: json ? jsonLines(rows) : `${text.trimEnd()}\n`, code: ok ? 0 : 1 };
}

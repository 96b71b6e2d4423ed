import { kernelspecFolder, removeKernelspec, writeKernelspec, type Where } from './kernelspec';
import { jsonLines, type CommandResult } from './print';
import { UsageError } from './usage';

export interface WhereOptions {
  user?: boolean;
  'sys-prefix'?: boolean;
  prefix?: string;
  json?: boolean;
}

/** `flashlab install`: writes the kernelspec. */
export function install(options: WhereOptions): CommandResult {
  const folder = kernelspecFolder(whereOf(options));
  writeKernelspec(folder);
  return result(options, 'installed', folder, 0);
}

/** `flashlab uninstall`: removes the kernelspec; exit code 1 where there is none. */
export function uninstall(options: WhereOptions): CommandResult {
  const folder = kernelspecFolder(whereOf(options));
  return removeKernelspec(folder) ? result(options, 'removed', folder, 0) : result(options, 'not installed', folder, 1);
}

function result({ json }: WhereOptions, status: string, folder: string, code: number): CommandResult {
  return {
    text: json ? jsonLines([{ kernel: 'flashlab', status, folder }]) : `Kernel flashlab: ${status} (${folder})\n`,
    code,
  };
}

function whereOf({ user, 'sys-prefix': sysPrefix, prefix }: WhereOptions): Where {
  if ([user, sysPrefix, prefix !== undefined].filter(Boolean).length > 1) {
    throw new UsageError('--user, --sys-prefix and --prefix exclude each other');
  }
  if (prefix === '') throw new UsageError('--prefix needs a folder');
  if (prefix !== undefined) return { kind: 'prefix', prefix };
  return { kind: sysPrefix ? 'sys-prefix' : 'user' };
}

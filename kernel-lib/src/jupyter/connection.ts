import { readFileSync } from 'node:fs';

/** What Jupyter writes into the connection file: where to listen and how to sign. */
export interface Connection {
  transport: string;
  ip: string;
  shell_port: number;
  iopub_port: number;
  stdin_port: number;
  control_port: number;
  hb_port: number;
  /** Key of the HMAC; an empty one means unsigned messages. */
  key: string;
  signature_scheme: string;
}

const PORTS = ['shell_port', 'iopub_port', 'stdin_port', 'control_port', 'hb_port'] as const;

/** Reads and checks a connection file; throws an Error that names the file and the field. */
export function readConnection(file: string): Connection {
  let raw: Partial<Record<keyof Connection, unknown>>;
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`connection file ${file}: ${(error as Error).message}`, { cause: error });
  }
  for (const port of PORTS) {
    if (!Number.isInteger(raw[port])) {
      throw new Error(`connection file ${file}: ${port} must be an integer, got ${JSON.stringify(raw[port])}`);
    }
  }
  const scheme = raw.signature_scheme ?? 'hmac-sha256';
  if (scheme !== 'hmac-sha256') {
    throw new Error(`connection file ${file}: signature_scheme must be hmac-sha256, got ${JSON.stringify(scheme)}`);
  }
  const transport = raw.transport ?? 'tcp';
  if (transport !== 'tcp' && transport !== 'ipc') {
    throw new Error(`connection file ${file}: transport must be tcp or ipc, got ${JSON.stringify(transport)}`);
  }
  return {
    ...(raw as Connection),
    transport,
    ip: raw.ip === undefined ? '127.0.0.1' : String(raw.ip),
    signature_scheme: scheme,
    key: String(raw.key ?? ''),
  };
}

/** The ZeroMQ endpoint of one port: `tcp://ip:port`, or for ipc `ipc://ip-port`. */
export function endpoint(connection: Connection, port: number): string {
  return `${connection.transport}://${connection.ip}${connection.transport === 'tcp' ? ':' : '-'}${port}`;
}

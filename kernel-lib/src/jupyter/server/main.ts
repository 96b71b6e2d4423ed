import * as path from 'node:path';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Reply, Router, XPublisher } from 'zeromq';
import { endpoint, readConnection } from '../connection';
import { kernelInfo } from '../kernel-info';
import type { Channel, Message, Outgoing } from '../protocol';
import { MAX_CONTENT, Wire } from '../wire';
import { Interrupter } from './interrupter';
import { Shared, type FromServer, type ServerData, type ToServer } from './link';
import { Outbox } from './outbox';

/**
 * The socket thread. It owns the five sockets, so that heartbeat, control requests and output keep flowing while a cell
 * keeps the main thread busy. It knows how messages look, not what they do.
 */
const { connectionFile, shared: buffer } = workerData as ServerData;
const shared = new Int32Array(buffer);
const connection = readConnection(connectionFile);
const wire = new Wire(connection.key);
const post = (message: FromServer): void => parentPort!.postMessage(message);
const interrupter = new Interrupter(post, shared);
const note = (text: string): void => void process.stderr.write(`flashlab kernel: ${text}\n`);

const routers = {
  shell: new Router({ linger: 1000, sendHighWaterMark: 0 }),
  control: new Router({ linger: 1000, sendHighWaterMark: 0 }),
  stdin: new Router({ linger: 1000, sendHighWaterMark: 0 }),
};
// Without a limit: a slow reader must not lose the `idle` that ends a cell. The backlog is limited on the main thread.
// An XPUB socket hears who subscribes (JEP 65), those who repeat a subscription too.
const iopub = new XPublisher({ linger: 1000, sendHighWaterMark: 0, verbosity: 'allSubs' });
const heartbeat = new Reply({ linger: 0 });

const boxes = {
  shell: new Outbox(routers.shell),
  control: new Outbox(routers.control),
  stdin: new Outbox(routers.stdin),
  iopub: new Outbox(iopub),
};
let mainIsReady = false;

function publish(out: Outgoing, sent?: () => void): void {
  boxes.iopub.push(wire.encode([Buffer.from(`kernel.${wire.session}.${out.type}`)], out), sent);
}

function reply(channel: Channel, idents: readonly Uint8Array[], out: Outgoing, sent?: () => void): void {
  boxes[channel].push(wire.encode(idents, out), sent);
}

/** Answers `request` here, framed by busy and idle as the protocol asks. */
function answer(channel: Channel, request: Message, content: Record<string, unknown>): void {
  const parent = request.header;
  publish({ type: 'status', content: { execution_state: 'busy' }, parent });
  reply(channel, request.idents, { type: request.header.msg_type.replace(/_request$/, '_reply'), content, parent });
  publish({ type: 'status', content: { execution_state: 'idle' }, parent });
}

function receive(channel: Channel, request: Message): void {
  const type = request.header.msg_type;
  if (request.tooLarge !== undefined) {
    const evalue = `expected at most ${MAX_CONTENT} bytes, got ${request.tooLarge}`;
    answer(channel, request, { status: 'error', ename: 'MessageTooLarge', evalue, traceback: [evalue] });
  } else if (type === 'kernel_info_request' && (channel === 'control' || !mainIsReady)) {
    answer(channel, request, kernelInfo());
  } else if (type === 'interrupt_request') {
    // A signal reaches a synchronous loop at once; where there are none, the interrupter terminates it.
    if (process.platform === 'win32') interrupter.interrupt();
    else process.kill(process.pid, 'SIGINT');
    answer(channel, request, { status: 'ok' });
  } else if (type === 'shutdown_request') {
    const restart = request.content.restart === true;
    answer(channel, request, { status: 'ok', restart });
    post({ kind: 'shutdown', restart });
    // A busy main thread does not hear this; nothing of it is worth waiting for.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 2000);
  } else {
    post({ kind: 'request', channel, message: request });
  }
}

async function listen(channel: Channel): Promise<void> {
  for await (const frames of routers[channel]) {
    let message: Message;
    try {
      message = wire.decode(frames);
    } catch (error) {
      note(`refused a message on ${channel}: ${(error as Error).message}`);
      continue;
    }
    receive(channel, message);
  }
}

/** Tells those who subscribe that from now on they miss nothing. */
async function welcome(): Promise<void> {
  for await (const [frame] of iopub) {
    // The first byte says whether it is a subscription or the end of one.
    if (frame[0] !== 1) continue;
    const topic = frame.subarray(1);
    const content = { subscription: topic.toString() };
    boxes.iopub.push(wire.encode([topic], { type: 'iopub_welcome', content, parent: {} }));
  }
}

async function beat(): Promise<void> {
  for await (const frames of heartbeat) await heartbeat.send(frames);
}

function obey(message: ToServer): void {
  switch (message.kind) {
    case 'publish':
      publish(message.out, sentOne);
      return;
    case 'reply':
      reply(message.channel, message.idents, message.out, sentOne);
      return;
    case 'ready':
      mainIsReady = true;
      return;
    case 'echo':
      // Two turns: what the kernel of the operating system holds for the sockets is read in between.
      setTimeout(() => setImmediate(() => post({ kind: 'echo', id: message.id })), 2);
      return;
    case 'close':
      void close();
  }
}

function sentOne(): void {
  Atomics.sub(shared, Shared.backlog, 1);
  Atomics.notify(shared, Shared.backlog);
}

async function close(): Promise<void> {
  await Promise.all(Object.values(boxes).map((box) => box.settled()));
  for (const socket of [...Object.values(routers), iopub, heartbeat]) socket.close();
  // A thread that ends while a socket of it still waits aborts the process.
  await loops.catch(() => undefined); // `start` reports it
  post({ kind: 'closed' });
}

/** What waits for messages; ends when the sockets are closed. */
let loops: Promise<unknown> = Promise.resolve();

async function start(): Promise<void> {
  await Promise.all([
    routers.shell.bind(endpoint(connection, connection.shell_port)),
    routers.control.bind(endpoint(connection, connection.control_port)),
    routers.stdin.bind(endpoint(connection, connection.stdin_port)),
    iopub.bind(endpoint(connection, connection.iopub_port)),
    heartbeat.bind(endpoint(connection, connection.hb_port)),
  ]);
  publish({ type: 'status', content: { execution_state: 'starting' }, parent: {} });
  parentPort!.on('message', obey);
  if (process.platform !== 'win32') {
    new Worker(path.join(__dirname, 'sigint.js'), { workerData: { shared: buffer } }).on('message', () =>
      interrupter.interrupt(),
    );
  }
  loops = Promise.all([listen('shell'), listen('control'), listen('stdin'), welcome(), beat()]);
  await loops;
}

// A failure ends this thread with an 'error' event, which the main thread reports.
void start();

import { PanelComm } from './device-panel/panel-comm';
import { kernelInfo } from './kernel-info';
import { resolveLibrary } from './library';
import { Outputs } from './outputs';
import type { Channel, Header, Json, Message } from './protocol';
import { Server } from './server/client';
import type { Cell } from './session/cell';
import { Comms } from './session/comms';
import { complete, inspect, isComplete } from './session/complete-inspect';
import { describeError } from './session/errors';
import { Execution } from './session/execute';
import { defineGlobals } from './session/globals';
import { History } from './session/history';
import { HistoryFile, historyPath } from './session/history-file';
import { Input } from './session/input';
import { Notebook } from './session/notebook';
import { Sources } from './session/sources';
import { isRecovery, prepareForTermination, recoverFromTermination } from './termination';

interface Request {
  channel: Channel;
  message: Message;
  /** Set for a cell that was waiting when one before it failed. */
  aborted?: boolean;
}

/** Answers the requests of the shell channel one after the other; what can be answered beside a busy cell is the server's. */
export class Kernel {
  private readonly server: Server;
  private readonly outputs: Outputs;
  private readonly sources = new Sources();
  private readonly history = new History(new HistoryFile(historyPath()));
  private readonly comms: Comms;
  private readonly input: Input;
  private readonly notebook: Notebook;
  private readonly execution: Execution;
  private readonly panels = new PanelComm(() => this.notebook.locals());
  private readonly queue: Request[] = [];
  private answering = false;
  private parent: Header | Record<string, never> = {};
  private running: Cell | undefined;
  private latest: Cell | undefined;

  constructor(connectionFile: string) {
    this.server = new Server(connectionFile, {
      request: (channel, message) => this.receive(channel, message),
      interrupt: () => this.interrupt(),
      shutdown: () => void this.shutdown(),
      failed: (error) => {
        process.stderr.write(`flashlab kernel: ${error.message}\n`);
        process.exit(1);
      },
    });
    this.outputs = new Outputs((out) => this.server.publish(out));
    this.comms = new Comms((type, content, { buffers, urgent }) =>
      this.outputs.publish({ type, content, parent: urgent ? {} : this.parent, ...(buffers && { buffers }) }),
    );
    this.input = new Input((idents, out) => this.server.reply('stdin', idents, out));
    this.notebook = new Notebook(this.sources, (work) => this.server.guarded(work));
    this.execution = new Execution({
      notebook: this.notebook,
      outputs: this.outputs,
      history: this.history,
      sources: this.sources,
      onCell: (cell) => {
        this.running = cell;
        this.latest = cell ?? this.latest;
        if (!cell) this.panels.cellEnded();
      },
    });
  }

  /** Loads the compiler and serves. */
  start(): void {
    prepareForTermination();
    resolveLibrary();
    this.notebook.load();
    defineGlobals({
      ...{ input: this.input, comms: this.comms, sources: this.sources, notebook: this.notebook },
      fallback: () => this.latest,
    });
    this.panels.register(this.comms);
    process.on('unhandledRejection', (reason) => this.report('Unhandled rejection', reason));
    process.on('uncaughtException', (error) => {
      if (!isRecovery(error)) this.report('Uncaught', error);
    });
    this.server.ready();
  }

  private receive(channel: Channel, message: Message): void {
    if (message.header.msg_type === 'input_reply') {
      this.input.receive(message.content.value);
      return;
    }
    if (this.comms.isUrgent(message)) {
      this.answerAtOnce(message);
      return;
    }
    this.queue.push({ channel, message });
    if (!this.answering) void this.answerAll();
  }

  private async answerAll(): Promise<void> {
    this.answering = true;
    for (let request = this.queue.shift(); request; request = this.queue.shift()) await this.answer(request);
    this.answering = false;
  }

  private async answer(request: Request): Promise<void> {
    const { channel, message } = request;
    const parent = message.header;
    this.parent = parent;
    this.status('busy', parent);
    let content: Json | undefined;
    try {
      content = request.aborted ? { status: 'aborted' } : await this.respond(message);
    } catch (error) {
      content = { status: 'error', ...describeError(error, this.sources) };
    }
    this.outputs.flush();
    if (content) {
      const type = parent.msg_type.replace(/_request$/, '_reply');
      this.server.reply(channel, message.idents, { type, content, parent });
    }
    this.status('idle', parent);
  }

  /** Handles a message of a comm beside the request that is being answered, if any. */
  private answerAtOnce(message: Message): void {
    this.status('busy', message.header);
    try {
      this.comms.handle(message);
    } catch (error) {
      this.report('In a comm', error);
    }
    this.status('idle', message.header);
    // Front ends take the last status for that of the kernel.
    if (this.answering) this.status('busy', this.parent as Header);
  }

  /** Content of the reply; undefined for messages that have none. */
  private async respond(message: Message): Promise<Json | undefined> {
    const { content } = message;
    switch (message.header.msg_type) {
      case 'kernel_info_request':
        return kernelInfo();
      case 'execute_request':
        return this.execute(message);
      case 'complete_request':
        return complete(this.notebook, content);
      case 'inspect_request':
        return inspect(this.notebook, content);
      case 'is_complete_request':
        return isComplete(this.notebook, content);
      case 'history_request':
        return this.history.answer(content);
      case 'comm_info_request':
        return this.comms.info(content.target_name);
      case 'comm_open':
      case 'comm_msg':
      case 'comm_close':
        this.comms.handle(message);
        return undefined;
      default:
        throw new Error(`this kernel does not know ${message.header.msg_type}`);
    }
  }

  private async execute(message: Message): Promise<Json> {
    const reply = await this.execution.run(message);
    if (reply.status === 'error' && message.content.stop_on_error !== false) {
      // What had been sent by the time of the error is in the queue after the echo; what comes later is not its business.
      await this.server.echo();
      for (const waiting of this.queue) waiting.aborted ||= waiting.message.header.msg_type === 'execute_request';
    }
    return reply;
  }

  private status(state: 'busy' | 'idle', parent: Header): void {
    this.outputs.publish({ type: 'status', content: { execution_state: state }, parent });
  }

  private interrupt(): void {
    this.running?.interrupt();
    this.notebook.interrupt();
    recoverFromTermination();
  }

  /** Shows what nobody caught in the cell that it comes from, as far as that is known. */
  private report(what: string, error: unknown): void {
    const { traceback } = describeError(error, this.sources);
    process.stderr.write(`${what}: ${traceback.join('\n')}\n`);
  }

  private async shutdown(): Promise<void> {
    this.running?.interrupt();
    this.outputs.flush();
    await this.server.close();
    process.exit(0);
  }
}

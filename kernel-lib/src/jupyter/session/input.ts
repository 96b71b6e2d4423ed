import type { Outgoing } from '../protocol';
import type { Cell } from './cell';

type SendInput = (idents: Uint8Array[], out: Outgoing) => void;

/** Lines of text that cells ask the reader for, one question at a time. */
export class Input {
  private answer: ((line: string) => void) | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly send: SendInput) {}

  /** Resolves with the line that the reader types; rejects when the cell is interrupted or may not ask. */
  ask(cell: Cell, prompt: string, password: boolean): Promise<string> {
    if (!cell.options.allowStdin) {
      return Promise.reject(new Error('input() needs a front end that lets the reader type; this one does not'));
    }
    const asked = this.turn.then(() => this.question(cell, prompt, password));
    this.turn = asked.catch(() => {});
    return asked;
  }

  /** Takes an input_reply; one that nobody waits for is dropped. */
  receive(value: unknown): void {
    this.answer?.(String(value ?? ''));
    this.answer = undefined;
  }

  private question(cell: Cell, prompt: string, password: boolean): Promise<string> {
    const line = new Promise<string>((resolve) => (this.answer = resolve));
    this.send(cell.options.idents, {
      type: 'input_request',
      content: { prompt, password },
      parent: cell.options.header,
    });
    return Promise.race([line, cell.interrupted]);
  }
}

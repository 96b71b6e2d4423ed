import type { ISessionContext } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import { DeviceModel } from '../device/device-model';

interface FakeComm {
  target: string;
  isDisposed: boolean;
  opened: unknown[];
  sent: unknown[];
  closed: boolean;
  onMsg(message: { content: { data: object } }): void;
  onClose(): void;
}

/** A session whose kernel and status a test sets. */
class FakeSession {
  readonly kernelChanged = new Signal<this, unknown>(this);
  readonly statusChanged = new Signal<this, unknown>(this);
  readonly comms: FakeComm[] = [];
  session: { kernel: object | null } = { kernel: null };

  start(name: string, status = 'idle', handleComms = true): void {
    this.session.kernel = {
      ...{ name, status, handleComms },
      createComm: (target: string): FakeComm => {
        const comm = {
          ...{ target, isDisposed: false, opened: [] as unknown[], sent: [] as unknown[], closed: false },
          open: (data: unknown) => void comm.opened.push(data),
          send: (data: unknown) => void comm.sent.push(data),
          close: () => void (comm.closed = true),
          dispose: () => void (comm.isDisposed = true),
          onMsg: () => undefined,
          onClose: () => undefined,
        };
        this.comms.push(comm);
        return comm;
      },
    };
    this.kernelChanged.emit({});
  }

  becomes(status: string): void {
    Object.assign(this.session.kernel!, { status });
    this.statusChanged.emit(status);
  }
}

const made = (preferred: 'lavapipe' | null = null) => {
  const session = new FakeSession();
  const model = new DeviceModel(session as unknown as ISessionContext, () => preferred);
  const say = (n: number, data: object) => session.comms[n].onMsg({ content: { data } });
  return { session, model, say };
};

describe('the device model of a notebook', () => {
  test('speaks to kernels of ours only', () => {
    const { session, model } = made();
    session.start('python3');
    expect([session.comms.length, model.isOurs]).toEqual([0, false]);
    session.start('flashlab');
    expect([session.comms.length, model.isOurs, model.connection]).toEqual([1, true, 'waiting']);
  });

  test('waits until a kernel has started', () => {
    const { session } = made();
    session.start('flashlab', 'starting');
    expect(session.comms).toHaveLength(0);
    session.becomes('idle');
    session.becomes('busy');
    expect(session.comms.map(({ target, opened }) => ({ target, opened }))).toEqual([
      { target: 'flashlab.device.v1', opened: [{ adapter: null }] },
    ]);
  });

  test('keeps what was told, and adds what has changed', () => {
    const { session, model, say } = made();
    session.start('flashlab');
    let changes = 0;
    model.changed.connect(() => changes++);
    say(0, { now: Date.now() + 5000, busy: 'start', runs: [] });
    say(0, { now: Date.now(), busy: null });
    expect([changes, model.connection, model.state.busy]).toEqual([2, 'live', null]);
    expect(Math.abs(model.ahead)).toBeLessThan(1000);
    model.send({ type: 'measure' });
    expect(session.comms[0].sent).toEqual([{ type: 'measure' }]);
  });

  test('begins anew when the kernel restarts, on the adapter of the notebook', () => {
    const { session, model, say } = made('lavapipe');
    session.start('flashlab');
    say(0, { now: Date.now(), notice: { freed: 1 } });
    model.adapter = 'swiftshader';
    session.becomes('restarting');
    expect([model.connection, model.state.notice, session.comms[0].isDisposed]).toEqual(['waiting', null, true]);
    model.send({ type: 'start' });
    session.becomes('idle');
    expect(session.comms.map(({ opened }) => opened)).toEqual([
      [{ adapter: 'lavapipe' }],
      [{ adapter: 'swiftshader' }],
    ]);
    expect(session.comms.flatMap(({ sent }) => sent)).toEqual([]);
  });

  test('does not ask a kernel again that does not know it', () => {
    const { session, model } = made();
    session.start('flashlab');
    session.comms[0].onClose();
    session.becomes('busy');
    session.becomes('idle');
    expect([session.comms.length, model.connection]).toEqual([1, 'silent']);
  });

  test('leaves the comm to the connection of the page that may have one', () => {
    const { session, model } = made();
    session.start('flashlab', 'idle', false);
    session.becomes('busy');
    expect([session.comms.length, model.connection]).toEqual([0, 'elsewhere']);
  });

  test('tells whether something holds in time', async () => {
    const { session, model, say } = made();
    session.start('flashlab');
    expect(await model.until(({ connection }) => connection === 'live', 10)).toBe(false);
    const soon = model.until(({ connection }) => connection === 'live', 10_000);
    say(0, { now: Date.now() });
    expect(await soon).toBe(true);
  });

  test('says goodbye when its notebook is closed', () => {
    const { session, model, say } = made();
    session.start('flashlab');
    say(0, { now: Date.now() });
    model.dispose();
    expect(session.comms[0].closed).toBe(true);
    session.start('flashlab');
    expect(session.comms).toHaveLength(1);
  });
});

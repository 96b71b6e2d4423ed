import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import type {
  AdapterName,
  DeviceTarget,
  FromPanel,
  PanelOpen,
  PanelState,
  ToPanel,
} from '../../kernel-lib/src/jupyter/device-panel/messages';
import { KERNEL } from '../kernel-name';

const TARGET: DeviceTarget = 'flashlab.device.v1';

const NOTHING: PanelState = {
  device: null,
  ceilings: null,
  memory: { bytes: 0, peak: 0, samples: [] },
  owners: [],
  moreOwners: 0,
  runs: [],
  busy: null,
  notice: null,
};

/** States of a kernel whose variables, and comms, are gone. */
const GONE: Kernel.Status[] = ['starting', 'restarting', 'autorestarting', 'terminating', 'dead'];

/**
 * How a notebook stands with its kernel: it is heard; it is waited for; it tells nothing, being older or of another page's
 * panels; or another notebook or console of this page has the only connection that may have comms.
 */
export type Connection = 'live' | 'waiting' | 'silent' | 'elsewhere';

/** What the kernel of one notebook tells of its device, over a comm that is opened anew with each kernel. */
export class DeviceModel implements IDisposable {
  /** What was told so far. */
  state = NOTHING;
  connection: Connection = 'waiting';
  /** Milliseconds by which the kernel's clock is ahead of ours. */
  ahead = 0;
  /** The adapter for the next start of the kernel; null leaves it to the settings. */
  adapter: AdapterName | null = null;
  isDisposed = false;
  private readonly signal = new Signal<this, void>(this);
  private comm: Kernel.IComm | null = null;
  private kernel: Kernel.IKernelConnection | null = null;

  constructor(
    private readonly session: ISessionContext,
    /** The adapter of the settings; null leaves it to the kernel. */
    private readonly preferred: () => AdapterName | null,
  ) {
    session.kernelChanged.connect(this.follow, this);
    session.statusChanged.connect(this.follow, this);
    this.follow();
  }

  get changed(): ISignal<this, void> {
    return this.signal;
  }

  /** Whether the notebook's kernel is ours. */
  get isOurs(): boolean {
    return this.session.session?.kernel?.name === KERNEL;
  }

  /** Asks for something; nothing happens where no kernel answers. */
  send(message: FromPanel): void {
    if (this.connection === 'live') this.comm?.send({ ...message });
  }

  /** Resolves to whether something holds, as soon as it does, in so many milliseconds at the latest. */
  until(holds: (model: this) => boolean, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (): void => {
        if (Date.now() < limit && !holds(this)) return;
        clearTimeout(timer);
        this.signal.disconnect(end);
        resolve(holds(this));
      };
      const limit = Date.now() + ms;
      const timer = setTimeout(end, ms + 1);
      this.signal.connect(end);
      end();
    });
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    const { comm } = this;
    if (comm && !comm.isDisposed && this.connection === 'live') comm.close();
    this.forget();
    Signal.clearData(this);
  }

  /** Opens the comm when there is a kernel of ours without one, and forgets it when the kernel has gone. */
  private follow(): void {
    const kernel = this.session.session?.kernel ?? null;
    if (kernel !== this.kernel || !kernel || GONE.includes(kernel.status)) {
      this.forget();
      this.kernel = kernel;
    }
    if (!kernel || kernel.name !== KERNEL || this.comm || !['idle', 'busy'].includes(kernel.status)) return;
    if (!kernel.handleComms) {
      this.become('elsewhere');
      return;
    }
    const comm = kernel.createComm(TARGET);
    this.comm = comm;
    comm.onMsg = ({ content }) => this.hear(content.data as unknown as ToPanel);
    // A kernel that does not know the target closes at once, and is not asked again: this.comm stays.
    comm.onClose = () => this.become('silent');
    comm.open({ adapter: this.adapter ?? this.preferred() } satisfies PanelOpen);
  }

  private hear({ now, ...changes }: ToPanel): void {
    this.ahead = now - Date.now();
    this.state = { ...this.state, ...changes };
    this.connection = 'live';
    this.signal.emit();
  }

  private forget(): void {
    if (this.comm && !this.comm.isDisposed) this.comm.dispose();
    this.comm = null;
    this.become('waiting');
  }

  /** Nothing is known any more. */
  private become(connection: Connection): void {
    this.state = NOTHING;
    this.connection = connection;
    this.signal.emit();
  }
}

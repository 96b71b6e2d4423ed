import { type Ceilings, measureCeilings } from '../../device/ceilings';
import type { FlashDevice } from '../../device/device';
import { setObserver } from '../../device/observer';
import { ADAPTER_NAMES } from '../../node/adapter-names';
import { freeBuffers, isOnHost } from '../../tensor/storage';
import { notebookFlash } from '../library';
import type { Json } from '../protocol';
import type { Comm, Comms } from '../session/comms';
import { collectGarbage } from './collect-garbage';
import type { DeviceTarget, FromPanel, PanelState } from './messages';
import { Monitor } from './monitor';
import { NO_OWNERS, type Owners, ownersOf } from './owners';

const TARGET: DeviceTarget = 'flashlab.device.v1';

/** At most one message in this many milliseconds. */
const INTERVAL_MS = 200;

/** Panels that are told at a time. */
const MOST_PANELS = 8;

/** A comm to a panel, and what it was told: each part as JSON. */
interface Panel {
  readonly comm: Comm;
  readonly told: Map<string, string>;
}

/** Tells panels of front ends what the device does, and does what they ask for, also while a cell runs. */
export class PanelComm {
  private readonly monitor = new Monitor(() => this.later());
  private readonly panels = new Set<Panel>();
  private timer: NodeJS.Timeout | undefined;
  private readonly ceilings = new WeakMap<FlashDevice, Ceilings>();
  private busy: PanelState['busy'] = null;
  private notice: PanelState['notice'] = null;
  /** Who holds the buffers, and the state of the monitor at which that was found out. */
  private owners: { found: Owners; version: number } = { found: NO_OWNERS, version: 0 };

  constructor(private readonly variables: () => Record<string, unknown>) {}

  /** Watches the device from now on, and answers the panels that open a comm. */
  register(comms: Comms): void {
    setObserver(this.monitor);
    comms.registerTarget(
      TARGET,
      (comm, { data }) => {
        const panel: Panel = { comm, told: new Map() };
        comm.onMessage = (message) => this.receive(message.data);
        comm.onClose = () => void this.panels.delete(panel);
        this.chooseAdapter(data?.adapter);
        this.tell(panel, this.state());
        this.panels.add(panel);
        // A page that was closed says no goodbye.
        const [oldest] = this.panels;
        if (this.panels.size > MOST_PANELS && oldest) {
          this.panels.delete(oldest);
          oldest.comm.close();
        }
      },
      { atOnce: true },
    );
  }

  /** A cell has ended: variables may hold what they did not hold before. */
  cellEnded(): void {
    this.owners.version = -1;
    this.later();
  }

  /** A device that runs stays; the environment's own choice gives way to the panel's. */
  private chooseAdapter(adapter: unknown): void {
    const known = ADAPTER_NAMES.find((name) => name === adapter);
    if (known && !this.monitor.device) process.env.FLASH_ADAPTER = known;
  }

  private receive(message: Json): void {
    if (this.busy) return;
    const { type, owners } = message as Partial<FromPanel & { type: 'free' }>;
    switch (type as FromPanel['type'] | undefined) {
      case 'start':
        void this.work('start', async () => {
          await notebookFlash().device();
          return null;
        });
        return;
      case 'measure':
        void this.work('measure', () => this.measure());
        return;
      case 'free':
        if (owners === undefined || Array.isArray(owners)) void this.work('free', () => this.free(owners));
    }
  }

  /** Does one thing at a time, and tells how it ended. */
  private async work(what: NonNullable<PanelState['busy']>, task: () => Promise<PanelState['notice']>): Promise<void> {
    this.busy = what;
    this.notice = null;
    this.later();
    try {
      this.notice = await task();
    } catch (error) {
      this.notice = { problem: error instanceof Error ? error.message : String(error) };
    } finally {
      this.busy = null;
      this.later();
    }
  }

  private async measure(): Promise<null> {
    await notebookFlash().device();
    const { device } = this.monitor;
    if (!device) return null;
    const measured = await device.enqueue(() => this.monitor.unseen(() => measureCeilings(device)));
    this.ceilings.set(device, measured);
    return null;
  }

  private async free(names: readonly string[] | undefined): Promise<PanelState['notice']> {
    const { device } = this.monitor;
    if (!device) return null;
    const before = device.bytesInAll;
    await collectGarbage();
    const chosen = names && new Set(names);
    const buffers = this.ownersNow()
      .all.filter(({ name }) => !chosen || chosen.has(name))
      .flatMap((owner) => owner.buffers);
    const wanted = chosen ? buffers : buffers.filter(isOnHost);
    await freeBuffers(device, wanted, { lose: chosen !== undefined });
    // Calls of the notebook may have made buffers meanwhile.
    return { freed: Math.max(0, before - device.bytesInAll) };
  }

  private ownersNow(): Owners {
    const { buffers, version } = this.monitor;
    if (this.owners.version !== version) {
      this.owners = { found: ownersOf(buffers, this.variables()), version };
    }
    return this.owners.found;
  }

  private later(): void {
    if (this.panels.size === 0 || this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const state = this.state();
      for (const panel of this.panels) this.tell(panel, state);
    }, INTERVAL_MS).unref();
  }

  /** Sends the parts of the state that this panel has not seen. */
  private tell({ comm, told }: Panel, state: PanelState): void {
    const changed: Json = {};
    for (const [part, value] of Object.entries(state)) {
      const json = JSON.stringify(value);
      if (told.get(part) === json) continue;
      told.set(part, json);
      changed[part] = value;
    }
    if (Object.keys(changed).length > 0) comm.send({ now: Date.now(), ...changed });
  }

  private state(): PanelState {
    const { device, memory, runs } = this.monitor;
    const { states, more } = this.ownersNow();
    return {
      device: device && device.info,
      ceilings: (device && this.ceilings.get(device)) ?? null,
      ...{ memory, owners: states, moreOwners: more, runs },
      ...{ busy: this.busy, notice: this.notice },
    };
  }
}

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import { IFlashSettings } from '../settings';
import { DeviceModel } from './device-model';

/** The device models of the open notebooks. */
export interface IDevices {
  /** That of the notebook in front; null where none is open. */
  readonly current: DeviceModel | null;
  /** What that notebook is called. */
  readonly currentName: string;
  /** Another notebook is in front. */
  readonly currentChanged: ISignal<IDevices, void>;
  of(panel: NotebookPanel): DeviceModel;
}

export const IDevices = new Token<IDevices>(
  'jupyterlab-flashlab:IDevices',
  'What FlashLab kernels tell of their devices.',
);

class Devices implements IDevices {
  readonly currentChanged = new Signal<this, void>(this);
  private readonly models = new Map<NotebookPanel, DeviceModel>();

  constructor(
    private readonly tracker: INotebookTracker,
    private readonly settings: IFlashSettings,
  ) {
    tracker.currentChanged.connect(() => this.currentChanged.emit());
  }

  get current(): DeviceModel | null {
    return this.tracker.currentWidget && this.of(this.tracker.currentWidget);
  }

  get currentName(): string {
    return this.tracker.currentWidget?.title.label ?? '';
  }

  of(panel: NotebookPanel): DeviceModel {
    const known = this.models.get(panel);
    if (known) return known;
    const model = new DeviceModel(panel.sessionContext, () => {
      const { adapter } = this.settings.current;
      return adapter === 'auto' ? null : adapter;
    });
    this.models.set(panel, model);
    panel.disposed.connect(() => {
      this.models.delete(panel);
      model.dispose();
    });
    return model;
  }
}

export const devices: JupyterFrontEndPlugin<IDevices> = {
  id: 'jupyterlab-flashlab:devices',
  description: 'Listens to what the kernels of FlashLab notebooks tell of their devices.',
  autoStart: true,
  provides: IDevices,
  requires: [INotebookTracker, IFlashSettings],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker, settings: IFlashSettings): IDevices =>
    new Devices(tracker, settings),
};

import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';
import type { OwnerState } from '../../kernel-lib/src/jupyter/device-panel/messages';
import type { Connection, DeviceModel } from '../device/device-model';
import type { IDevices } from '../device/devices';
import { flashlabIcon } from '../icon';
import { Adapter } from './adapter';
import { Ceilings } from './ceilings';
import { Memory } from './memory';
import { Owners } from './owners';
import { Runs } from './runs';

/** The panel of the right side bar: what computes for the notebook in front, its memory and its kernels. */
export class DevicePanel extends ReactWidget {
  private shown: DeviceModel | null = null;

  constructor(
    private readonly devices: IDevices,
    private readonly trans: TranslationBundle,
    /** Makes a new notebook of our kernel. */
    private readonly newNotebook: () => void,
  ) {
    super();
    this.id = 'flashlab-device-panel';
    this.addClass('jp-FlashLab-panel');
    this.title.icon = flashlabIcon;
    this.title.caption = trans.__('FlashLab: device, memory and kernels');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('FlashLab device'));
    devices.currentChanged.connect(this.follow, this);
    this.follow();
  }

  protected render(): React.JSX.Element {
    const { shown, trans } = this;
    if (!shown?.isOurs) {
      return (
        <div className="jp-FlashLab-empty">
          <p>{trans.__('Open a FlashLab notebook to see what it computes on.')}</p>
          <button className="jp-FlashLab-button" onClick={this.newNotebook}>
            {trans.__('New FlashLab Notebook')}
          </button>
        </div>
      );
    }
    if (shown.connection !== 'live') return <p className="jp-FlashLab-empty">{this.absence(shown.connection)}</p>;
    const { state, ahead } = shown;
    const props = { state, trans, send: shown.send.bind(shown) };
    return (
      <>
        <h2 className="jp-FlashLab-notebookName">{this.devices.currentName}</h2>
        <Adapter {...props} />
        <Memory {...props} ahead={ahead} />
        <Owners {...props} onFree={(owner) => void this.free(shown, owner)} />
        <Ceilings {...props} />
        <Runs {...props} />
      </>
    );
  }

  /** Why there is nothing to show. */
  private absence(connection: Connection): string {
    const { trans } = this;
    if (connection === 'silent')
      return trans.__('This kernel no longer tells what it computes on. Reload the page, or restart it.');
    if (connection === 'elsewhere') {
      return trans.__('Another notebook or console of this kernel shows what it computes on.');
    }
    return trans.__('Waiting for the kernel…');
  }

  /** A panel out of sight is not drawn. */
  protected override onUpdateRequest(message: Message): void {
    if (this.isVisible) super.onUpdateRequest(message);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  private follow(): void {
    this.shown?.changed.disconnect(this.update, this);
    this.shown = this.devices.current;
    this.shown?.changed.connect(this.update, this);
    this.update();
  }

  /** Frees the buffers of one owner; asks first where numbers would be lost. */
  private async free(model: DeviceModel, { name, onHost }: OwnerState): Promise<void> {
    const { trans } = this;
    if (!onHost) {
      const { button } = await showDialog({
        title: trans.__('Free %1?', name),
        body: trans.__('Its numbers are only on the device. They will be lost, and a later use of the tensor fails.'),
        buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Free') })],
      });
      if (!button.accept) return;
    }
    model.send({ type: 'free', owners: [name] });
  }
}

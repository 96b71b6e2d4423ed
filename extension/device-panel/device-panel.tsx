import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';
import type { OwnerState } from '../../kernel-lib/src/jupyter/device-panel/messages';
import type { DeviceModel } from '../device/device-model';
import type { IDevices } from '../device/devices';
import { flashlabIcon } from '../icon';
import { Memory } from './memory';
import { Adapter, Ceilings, Owners, Runs } from './sections';

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
    if (!shown.connected) return <p className="jp-FlashLab-empty">{trans.__('Waiting for the kernel…')}</p>;
    const { state, ahead } = shown;
    const props = { state, trans, send: shown.send.bind(shown) };
    return (
      <>
        <Adapter {...props} />
        <Memory {...props} ahead={ahead} />
        <Owners {...props} onFree={(owner) => void this.free(shown, owner)} />
        <Runs {...props} />
        <Ceilings {...props} />
      </>
    );
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

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import React from 'react';
import { flashlabIcon } from '../icon';
import type { DeviceModel } from './device-model';
import { IDevices } from './devices';

export const SHOW_PANEL = 'flashlab:show-device-panel';

/** Shows the adapter of a notebook; pressed, it opens the device panel. Other kernels' notebooks have none. */
class AdapterButton extends ReactWidget {
  constructor(
    private readonly model: DeviceModel,
    private readonly trans: TranslationBundle,
    private readonly open: () => void,
  ) {
    super();
    this.addClass('jp-FlashLab-adapterButton');
    model.changed.connect(this.refresh, this);
    this.refresh();
  }

  private refresh(): void {
    this.setHidden(!this.model.isOurs);
    this.update();
  }

  protected render(): React.JSX.Element {
    const { trans } = this;
    const { device } = this.model.state;
    const name = device ? device.driver : trans.__('no device yet');
    return (
      <ToolbarButtonComponent
        icon={flashlabIcon}
        label={name}
        tooltip={
          device
            ? trans.__('Computes on %1. Show the device panel.', device.name)
            : trans.__('No device has been started. Show the device panel.')
        }
        onClick={this.open}
      />
    );
  }
}

export const adapterButton: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:adapter-button',
  description: 'A button in the toolbar of FlashLab notebooks that shows the adapter.',
  autoStart: true,
  requires: [IToolbarWidgetRegistry, IDevices],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    toolbars: IToolbarWidgetRegistry,
    devices: IDevices,
    translator: ITranslator | null,
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_flashlab');
    toolbars.addFactory<NotebookPanel>(
      'Notebook',
      'flash-adapter',
      (panel) => new AdapterButton(devices.of(panel), trans, () => void app.commands.execute(SHOW_PANEL)),
    );
  },
};

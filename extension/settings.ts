import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { type ISignal, Signal } from '@lumino/signaling';
import { Token } from '@lumino/coreutils';
import type { AdapterName } from '../kernel-lib/src/jupyter/device-panel/messages';
import type { PlotThemeName } from './figures/plot-theme';

/** What FLASH_ADAPTER may say. */
export const ADAPTERS: readonly AdapterName[] = ['auto', 'hardware', 'lavapipe', 'swiftshader'];

/** What readers set in the settings editor, see schema/settings.json. */
interface FlashSettings {
  /** What new kernels compute on; 'auto' leaves it to the server's environment. */
  readonly adapter: AdapterName;
  /** The page that figures are drawn on. */
  readonly plotTheme: PlotThemeName;
  /** Sequence lengths that are timed. */
  readonly sweepSizes: readonly number[];
}

const DEFAULTS: FlashSettings = { adapter: 'auto', plotTheme: 'jupyterlab', sweepSizes: [128, 256, 512] };

/** The settings as they are now. */
export interface IFlashSettings {
  readonly current: FlashSettings;
  readonly changed: ISignal<IFlashSettings, void>;
}

export const IFlashSettings = new Token<IFlashSettings>(
  'jupyterlab-flashlab:IFlashSettings',
  'The settings of FlashLab.',
);

class Settings implements IFlashSettings {
  current = DEFAULTS;
  readonly changed = new Signal<this, void>(this);

  /** Takes over what the registry holds; JupyterLab has checked it against the schema. */
  read({ composite }: ISettingRegistry.ISettings): void {
    this.current = { ...DEFAULTS, ...(composite as Partial<FlashSettings>) };
    this.changed.emit();
  }
}

export const settings: JupyterFrontEndPlugin<IFlashSettings> = {
  id: 'jupyterlab-flashlab:settings',
  description: 'Reads the settings of FlashLab: adapter, plot theme, sweep sizes.',
  autoStart: true,
  provides: IFlashSettings,
  optional: [ISettingRegistry],
  activate: async (_app: JupyterFrontEnd, registry: ISettingRegistry | null): Promise<IFlashSettings> => {
    const held = new Settings();
    try {
      // Awaited, since the first kernel may start at once.
      const loaded = await registry?.load(settings.id);
      if (loaded) held.read(loaded);
      loaded?.changed.connect(() => held.read(loaded));
    } catch (error) {
      console.warn('FlashLab keeps its default settings.', error);
    }
    return held;
  },
};

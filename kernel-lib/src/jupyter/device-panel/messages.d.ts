// What the kernel and the device panel of the JupyterLab extension say to each other over a comm. Types only, read by both.

/** The target of the comm; another number when these messages change their meaning. */
export type DeviceTarget = 'flashlab.device.v1';

/** What can be taken as FLASH_ADAPTER. */
export type AdapterName = 'auto' | 'hardware' | 'lavapipe' | 'swiftshader';

/** What the panel says when it opens the comm. */
export interface PanelOpen {
  /** The adapter to compute on, if no device has been started yet; null leaves the choice to the kernel's environment. */
  adapter: AdapterName | null;
}

/** What the panel asks for. */
export type FromPanel =
  /** Starts the device, as the first call would. */
  | { type: 'start' }
  /** Measures the ceilings of the device. */
  | { type: 'measure' }
  /**
   * Collects garbage and frees buffers whose elements are also on the host. With `owners`, only the buffers of these, and
   * those too whose elements are nowhere else: their tensors are as if disposed of.
   */
  | { type: 'free'; owners?: string[] };

export interface DeviceState {
  kind: 'hardware' | 'software';
  name: string;
  driver: string;
  vendor: string;
  reason: string;
  features: readonly string[];
  limits: Readonly<Record<string, number>>;
  subgroupMinSize: number;
  subgroupMaxSize: number;
  timestamps: boolean;
}

export interface CeilingsState {
  fmaGflops: number;
  expGops: number;
  copyGBs: number;
  clock: 'gpu' | 'wall';
}

export interface MemoryState {
  /** Bytes of live buffers, and the most there have been on this device. */
  bytes: number;
  peak: number;
  /** [milliseconds on the kernel's clock, bytes from then on], oldest first. */
  samples: [number, number][];
}

/** Buffers that belong together. */
export interface OwnerState {
  /** A variable of the notebook, else the cell that made the buffers as `In [3]`, else ''. */
  name: string;
  kind: 'variable' | 'cell';
  bytes: number;
  /** What each buffer is called and, of a tensor, its dtype and shape; the largest first. */
  buffers: { label: string; text: string; bytes: number }[];
  /** How many more buffers there are. */
  more: number;
  /** Whether all elements are also on the host, so that nothing is lost when the buffers are freed. */
  onHost: boolean;
}

/** One run of kernels. */
export interface RunState {
  id: number;
  /** The cell it belongs to as `In [3]`, '' if none. */
  cell: string;
  state: 'running' | 'done' | 'failed' | 'stopped';
  /** 0 to 1. */
  fraction: number;
  /** Milliseconds on `clock`; null while it runs and when it failed. */
  ms: number | null;
  clock: 'gpu' | 'wall';
  kernels: { label: string; dispatches: number | null; gpuMs: number | null }[];
  /** Why it failed. */
  problem: string;
}

/** All that the panel shows; the kernel sends the parts that have changed. */
export interface PanelState {
  /** Null before a device is started, and after it was lost. */
  device: DeviceState | null;
  /** Null until they are measured. */
  ceilings: CeilingsState | null;
  memory: MemoryState;
  /** The largest first, and how many more there are. */
  owners: OwnerState[];
  moreOwners: number;
  /** The newest first. */
  runs: RunState[];
  /** What the panel asked for and is being done. */
  busy: 'start' | 'measure' | 'free' | null;
  /** How that ended: the bytes that were freed, or what went wrong. */
  notice: { freed: number } | { problem: string } | null;
}

/** A message of the kernel: its clock, and what has changed. */
export interface ToPanel extends Partial<PanelState> {
  now: number;
}

import type { DeviceInfo } from '../device/device';
import type { TunedShape } from '../device/tuning';
import type { Pass } from '../kernels/flash2/choose-tile';
import { DISPLAY, type MimeBundle } from '../plots/figure';
import { formatNumber } from '../plots/numbers';
import { htmlTable, type Table, textTable } from '../plots/table';

/** One shape that was tried for a pass. */
export interface TuneRow {
  /** 'dq' and 'dkdv' are timed as parts of a backward pass. */
  readonly pass: Pass;
  /** null for the one of the library's tables. */
  readonly shape: TunedShape | null;
  /** The fastest run of the whole pass, in milliseconds; null where the results were wrong or the device refused it. */
  readonly ms: number | null;
  /** Whether it is used from now on. */
  readonly taken: boolean;
}

/** What `flash.tune` found. */
export class TuneReport {
  constructor(
    readonly device: DeviceInfo,
    readonly sizes: {
      readonly D: number;
      readonly Dv: number;
      readonly H: number;
      readonly N: number;
      readonly dtype: string;
    },
    readonly rows: readonly TuneRow[],
  ) {}

  [DISPLAY](): MimeBundle {
    return { 'text/html': htmlTable(this.table()), 'text/plain': this.toString() };
  }

  toString(): string {
    return this.rows.length > 0 ? textTable(this.table()) : 'The tables of the library are used again.';
  }

  private table(): Table {
    const { D, Dv, H, N, dtype } = this.sizes;
    const shapeOf = ({ shape }: TuneRow): string => {
      if (shape === null) return 'of the table';
      if ('subgroups' in shape) {
        const { subgroups, rows, split, step } = shape;
        return `${subgroups} subgroups in ${split} columns, ${rows} matrices of rows x ${step}`;
      }
      const { own, step, lanes, rows, shuffle } = shape;
      const how = lanes ? ' lanes' : rows ? `, ${rows} rows a thread` : '';
      return `${own} x ${step}${how}${shuffle ? ', lane to lane' : ''}`;
    };
    return {
      caption: `Tiles for D ${D}, Dv ${Dv}, ${dtype} on ${this.device.name}, H ${H}, N ${N}: rows that stay x rows of a step`,
      header: ['pass', 'tile', 'time', 'taken'],
      numeric: [2],
      rows: this.rows.map((row) => [
        row.pass,
        shapeOf(row),
        row.ms === null ? 'refused' : `${formatNumber(row.ms)} ms`,
        row.taken ? 'yes' : '',
      ]),
      failed: this.rows.flatMap(({ ms }, n) => (ms === null ? [n] : [])),
    };
  }
}

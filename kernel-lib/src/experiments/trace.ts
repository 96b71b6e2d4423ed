import type { Problem } from '../api/problem';
import type { TileSize } from '../cost/tile-visits';
import type { Figure, MimeBundle } from '../plots/figure';
import { tileOrderFigure } from '../plots/tile-order';
import { referenceForward } from '../reference';
import { FigureReport } from '../plots/figure-report';
import { traceFlash1, traceFlash2, type Matrix, type TraceWalk } from './tiled-trace';
import { PLAYER_TYPE, playerData } from './trace-player';
import { planTrace, type TraceOptions } from './trace-options';
import { traceHtml, traceText } from './trace-view';

export type { TraceOptions } from './trace-options';
export type { Matrix, RowState, TraceStep, TraceWalk } from './tiled-trace';

/** What `flash.trace` found: FlashAttention-1 and FlashAttention-2, tile by tile, on the same numbers. */
export class TraceReport extends FigureReport {
  /** One head: B, H and Hk are 1. */
  readonly problem: Problem;
  readonly tiles: TileSize;
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  readonly flash1: TraceWalk;
  readonly flash2: TraceWalk;
  /** Largest difference of out between each walk and attention without tiles, all in float64: rounding alone. */
  readonly difference: { readonly flash1: number; readonly flash2: number };
  /** The order in which tiles are visited. */
  readonly figure: Figure;
  #player: ReturnType<typeof playerData> | undefined;

  /** @internal use trace() */
  constructor({ problem, tiles, head }: ReturnType<typeof planTrace>) {
    super();
    this.problem = problem;
    this.tiles = tiles;
    this.q = head.q;
    this.k = head.k;
    this.v = head.v;
    this.flash1 = traceFlash1(head, tiles);
    this.flash2 = traceFlash2(head, tiles);
    const plain = referenceForward(problem, { q: flat(head.q), k: flat(head.k), v: flat(head.v) }).out;
    this.difference = {
      flash1: largestDifference(this.flash1.out, plain),
      flash2: largestDifference(this.flash2.out, plain),
    };
    this.figure = orderFigure(this);
  }

  protected text(): string {
    return traceText(this, this.notes());
  }

  protected html(): string {
    return traceHtml(this, this.notes());
  }

  /** The player comes first; the tables have a row for each query of each step. */
  override parts(): MimeBundle[] {
    const [tables, figure] = super.parts();
    const folded = `<details><summary>All steps as tables</summary>\n${tables['text/html'] as string}\n</details>`;
    return [figure, { ...tables, 'text/html': folded }];
  }

  protected override richer(): MimeBundle {
    const player = this.player();
    return player ? { [PLAYER_TYPE]: player } : {};
  }

  /** What the extension's player shows; null where it is too much for a notebook. */
  private player(): ReturnType<typeof playerData> {
    if (this.#player === undefined) this.#player = playerData(this);
    return this.#player;
  }

  private notes(): string[] {
    return this.player() ? [] : ['The player is left out: its data would be more than 1 MB.'];
  }
}

/**
 * Runs FlashAttention-1 and FlashAttention-2 step by step on the CPU, on a small head of random or given numbers: for every
 * visited tile its scores s, its p, and m, l and O before and after; which tiles are skipped; what crosses between device
 * memory and chip. For looking at how the algorithms work. Shown in a notebook as a player, or a figure of the visiting order, and as
 * tables.
 *
 * @throws FlashError INVALID_ARGUMENT
 * @example
 * flash.trace({ seq: 8, tiles: { br: 2, bc: 4 }, causal: true })
 */
export function trace(options: TraceOptions = {}): TraceReport {
  return new TraceReport(planTrace(options));
}

const flat = (rows: Matrix): Float64Array => Float64Array.from(rows.flat());

function largestDifference(rows: Matrix, plain: Float64Array): number {
  return rows.flat().reduce((max, x, t) => Math.max(max, Math.abs(x - plain[t])), 0);
}

function orderFigure({ problem, tiles, flash1, flash2 }: TraceReport): Figure {
  const { Nq, Nk } = problem;
  const skipped = flash1.skipped.length;
  return tileOrderFigure({
    title: 'The order in which tiles are visited',
    notes: [
      `${Nq} queries x ${Nk} keys in tiles of ${tiles.br} x ${tiles.bc}` +
        (skipped > 0 ? `; ${skipped} of ${skipped + flash1.steps.length} tiles are skipped` : ''),
    ],
    rows: Math.ceil(Nq / tiles.br),
    columns: Math.ceil(Nk / tiles.bc),
    panels: [
      { title: 'FlashAttention-1: keys outside', visits: flash1.steps },
      { title: 'FlashAttention-2: queries outside', visits: flash2.steps },
    ],
  });
}

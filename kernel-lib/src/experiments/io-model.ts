import type { Problem } from '../api/problem';
import {
  exactTraffic,
  leadingTraffic,
  leastTraffic,
  paperTile,
  type ReadsWrites,
  type Traffic,
  type TrafficAlgorithm,
} from '../cost/memory-traffic';
import type { TileSize } from '../cost/tile-visits';
import type { Figure } from '../plots/figure';
import { FigureReport } from '../plots/figure-report';
import { planIoModel, type IoModelOptions, type IoModelPlan } from './io-model-options';
import { halvings } from './size-options';
import { ioFigure, ioHtml, ioText } from './io-model-view';

export type { ReadsWrites, Traffic, TrafficAlgorithm, TrafficTerm } from '../cost/memory-traffic';
export type { IoModelOptions } from './io-model-options';

/** Elements that one algorithm reads and writes. */
export interface IoModelEntry {
  /** The terms that papers give, every tile visited. */
  readonly leading: ReadsWrites;
  /** Everything, with its terms; skipped tiles left out. */
  readonly exact: Traffic;
}

/** One point of the figure: the exact reads and writes at one length or one M. */
export interface IoModelPoint extends Readonly<Record<TrafficAlgorithm | 'least', ReadsWrites>> {
  /** N or M. */
  readonly x: number;
  readonly tiles: TileSize;
}

/**
 * What `flash.ioModel` computed: elements (not bytes) that forward attention moves between device memory and chip, for all
 * batch entries and query heads together.
 */
export class IoModelReport extends FigureReport {
  readonly problem: Problem;
  /** Elements of on-chip memory that the tiles follow from; null where tiles were given. */
  readonly M: number | null;
  /** Of both FlashAttentions, so that nothing but the order of their loops differs. */
  readonly tiles: TileSize;
  readonly standard: IoModelEntry;
  readonly flash1: IoModelEntry;
  readonly flash2: IoModelEntry;
  /** Every input read once, every result written once: no algorithm can go below. */
  readonly least: ReadsWrites;
  readonly sweep: { readonly over: 'seq' | 'M'; readonly points: readonly IoModelPoint[] };
  /** Reads and writes over N or over M. */
  readonly figure: Figure;

  /** @internal use ioModel() */
  constructor(plan: IoModelPlan) {
    super();
    this.problem = plan.problem;
    this.M = plan.M;
    this.tiles = plan.tiles;
    const entry = (algorithm: TrafficAlgorithm): IoModelEntry => ({
      leading: leadingTraffic(plan.problem, algorithm, plan.tiles),
      exact: exactTraffic(plan.problem, algorithm, plan.tiles),
    });
    this.standard = entry('standard');
    this.flash1 = entry('flash1');
    this.flash2 = entry('flash2');
    this.least = leastTraffic(plan.problem);
    this.sweep = { over: plan.over, points: plan.over === 'seq' ? overLengths(plan) : overM(plan) };
    this.figure = ioFigure(this);
  }

  protected text(): string {
    return ioText(this);
  }

  protected html(): string {
    return ioHtml(this);
  }
}

/**
 * The traffic between device memory and chip of the forward pass, by formula: FlashAttention-1 against FlashAttention-2 and
 * against standard attention; the leading terms of the papers and, beside them, exact terms (see `exactTraffic`), with what
 * FlashAttention-1 reads and writes further of l, m and out, the tiles that a causal mask or a window empties, and unequal
 * lengths and head sizes. A pure function: nothing runs.
 *
 * @throws FlashError INVALID_ARGUMENT
 * @example
 * flash.ioModel({ seq: 4096, dim: 64, M: 25_000, over: 'M' })
 */
export function ioModel(options: IoModelOptions = {}): IoModelReport {
  return new IoModelReport(planIoModel(options));
}

function pointAt(x: number, problem: Problem, tiles: TileSize): IoModelPoint {
  const of = (algorithm: TrafficAlgorithm): ReadsWrites => {
    const { reads, writes } = exactTraffic(problem, algorithm, tiles);
    return { reads, writes };
  };
  const least = leastTraffic(problem);
  return { x, tiles, standard: of('standard'), flash1: of('flash1'), flash2: of('flash2'), least };
}

/** Shorter sequences; the keys shrink in step. */
function overLengths({ problem, tiles }: IoModelPlan): IoModelPoint[] {
  const { Nq, Nk } = problem;
  return halvings(Nq).map((length) => {
    const keys = Math.max(1, Math.round((Nk * length) / Nq));
    return pointAt(length, { ...problem, Nq: length, Nk: keys }, tiles);
  });
}

const MAX_POINTS = 8;

/** Powers of two about M, from tiles of one row on. */
function overM({ problem, M }: IoModelPlan): IoModelPoint[] {
  const first = Math.max(1, Math.ceil(Math.log2(M ?? 1)) - 4);
  return Array.from({ length: MAX_POINTS }, (_, t) => 2 ** (first + t)).map((m) =>
    pointAt(m, problem, paperTile(m, problem)),
  );
}

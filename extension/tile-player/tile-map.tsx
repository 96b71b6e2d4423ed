import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { outState, tileState, type Course, type OutState, type TileState } from './player-state';
import { geometryOf, gridPath, unseenPath, type Box } from './tile-geometry';
import { TileLegend } from './tile-legend';

interface Props {
  readonly course: Course;
  readonly index: number;
  readonly trans: TranslationBundle;
}

/** The score matrix as a map of tiles, Q along its left edge, K and V along its top, O along its right. */
export function TileMap({ course, index, trans }: Props): React.JSX.Element {
  const { run, queryTiles, keyTiles, order, walk } = course;
  const hatch = `jp-FlashLab-hatch-${React.useId().replace(/:/g, '')}`;
  const { q, k, s } = run;
  const geometry = React.useMemo(() => geometryOf(q.length, k.length), [q, k]);
  const unseen = React.useMemo(() => unseenPath(s, geometry), [s, geometry]);
  const grid = React.useMemo(() => gridPath(q.length, k.length, geometry), [q, k, geometry]);
  const { width, height, matrix } = geometry;
  const now = walk.steps[index];
  return (
    <figure className="jp-FlashLab-player-map">
      <div className="jp-FlashLab-player-scroll" tabIndex={0} role="group" aria-label={trans.__('Map of tiles')}>
        <svg width={width} height={height} role="img" aria-label={mapWords(trans, course, index)}>
          <defs>
            <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <path d="M0 0v6" />
            </pattern>
          </defs>
          <text x={matrix.x + matrix.width / 2} y={12} textAnchor="middle" data-role="axis">
            {trans.__('keys j →')}
          </text>
          <text
            transform={`translate(12 ${matrix.y + matrix.height / 2}) rotate(-90)`}
            textAnchor="middle"
            data-role="axis"
          >
            {trans.__('← queries i')}
          </text>
          {queryTiles.map((queries, i) => (
            <React.Fragment key={i}>
              <Strip box={geometry.q(queries)} name="Q" index={i} state={i === now.i ? 'now' : 'none'} />
              <Strip box={geometry.o(queries)} name="O" index={i} state={outState(course, index, i)} />
            </React.Fragment>
          ))}
          {keyTiles.map((keys, j) => (
            <React.Fragment key={j}>
              <Strip box={geometry.k(keys)} name="K" index={j} state={j === now.j ? 'now' : 'none'} />
              <Strip box={geometry.v(keys)} name="V" index={j} state={j === now.j ? 'now' : 'none'} />
            </React.Fragment>
          ))}
          <path d={grid} data-role="grid" />
          <path d={unseen} fill={`url(#${hatch})`} data-role="unseen" />
          {queryTiles.flatMap((queries, i) =>
            keyTiles.map((keys, j) => (
              <Tile
                key={`${i},${j}`}
                {...geometry.tile(queries, keys)}
                {...{ i, j, visit: order[i][j] + 1 }}
                state={tileState(course, index, i, j)}
                words={
                  order[i][j] < 0
                    ? trans.__('tile %1, %2: skipped', i, j)
                    : trans.__('tile %1, %2: visit %3', i, j, order[i][j] + 1)
                }
              />
            )),
          )}
          <rect {...geometry.tile(queryTiles[now.i], keyTiles[now.j])} data-role="now" />
        </svg>
      </div>
      <TileLegend trans={trans} hatch={hatch} algorithm={course.algorithm} />
    </figure>
  );
}

interface TileProps extends Box {
  readonly i: number;
  readonly j: number;
  readonly visit: number;
  readonly state: TileState;
  /** What shows under the mouse, as a small tile has no number. */
  readonly words: string;
}

const Tile = React.memo(function Tile({ i, j, visit, state, words, ...box }: TileProps): React.JSX.Element {
  const numbered =
    (state === 'now' || state === 'visited') && box.height >= 14 && box.width >= 7 * `${visit}`.length + 4;
  return (
    <g data-tile={`${i},${j}`} data-state={state}>
      <rect {...box} pointerEvents="all">
        <title>{words}</title>
      </rect>
      {numbered && (
        <text x={box.x + box.width / 2} y={box.y + box.height / 2} dy="0.35em" textAnchor="middle" pointerEvents="none">
          {visit}
        </text>
      )}
    </g>
  );
});

interface StripProps {
  readonly box: Box;
  readonly name: string;
  readonly index: number;
  readonly state: OutState;
}

/** One tile of Q, K, V or O. */
function Strip({ box, name, index, state }: StripProps): React.JSX.Element {
  const named = box.width >= 13 + 5 * `${index}`.length && box.height >= 14;
  return (
    <g data-strip={`${name}${index}`} data-state={state}>
      <rect {...box} rx={2} />
      {named && (
        <text x={box.x + box.width / 2} y={box.y + box.height / 2} dy="0.3em" textAnchor="middle">
          {name}
          <tspan dy="3" fontSize="9">
            {index}
          </tspan>
        </text>
      )}
    </g>
  );
}

function mapWords(trans: TranslationBundle, { run, walk }: Course, index: number): string {
  const { i, j } = walk.steps[index];
  return trans.__(
    '%1 queries downwards, %2 keys to the right. On chip: query tile %3, key tile %4. %5 tiles are visited, %6 are to come, %7 are skipped.',
    ...[run.q.length, run.k.length, i, j, index + 1, walk.steps.length - index - 1, walk.skipped.length],
  );
}

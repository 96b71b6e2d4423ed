import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { heatOf, heatPaths, signOf } from './heat-paths';
import type { Matrix } from './player-run';
import type { Range } from './player-state';
import { numberText } from './player-words';

/** A larger matrix is a picture without numbers. */
const MOST = { rows: 16, columns: 8 };

/** So much of the colour leaves the number on it readable. */
const READABLE = 0.5;

interface Props {
  readonly matrix: Matrix;
  /** The number of full heat. */
  readonly most: number;
  /** Letter, and numbers of the first row and column: q 4, k 2. */
  readonly rows: { readonly letter: string; readonly range: Range };
  readonly columns?: { readonly letter: string; readonly range: Range };
  readonly name: string;
  readonly index?: string;
  /** What it is, below its name. */
  readonly meaning: string;
  /** Where it comes from. */
  readonly badge: BadgeWords;
  readonly trans: TranslationBundle;
}

/** Whether something has just crossed between device memory and chip, and in words. */
export interface BadgeWords {
  readonly words: string;
  readonly fresh: boolean;
}

export function Badge({ words, fresh }: BadgeWords): React.JSX.Element {
  return (
    <span className="jp-FlashLab-player-badge" data-fresh={fresh}>
      {words}
    </span>
  );
}

/** A matrix on chip: the larger a number, the stronger its colour. */
export function HeatMatrix(props: Props): React.JSX.Element {
  const { matrix, name, index, meaning, badge, trans } = props;
  const small = matrix.length <= MOST.rows && matrix[0].length <= MOST.columns;
  return (
    <figure className="jp-FlashLab-player-matrix" data-matrix={name}>
      <figcaption>
        <strong>
          {name}
          {index !== undefined && <sub>{index}</sub>}
        </strong>
        <Badge {...badge} />
        <span className="jp-FlashLab-player-meaning">{meaning}</span>
      </figcaption>
      <div className="jp-FlashLab-player-scroll" {...(!small && { tabIndex: 0, role: 'group', 'aria-label': name })}>
        {small ? <Numbers {...props} /> : <Picture {...props} trans={trans} />}
      </div>
    </figure>
  );
}

function Numbers({ matrix, most, rows, columns, name }: Props): React.JSX.Element {
  return (
    <table aria-label={name}>
      {columns && (
        <thead>
          <tr>
            <td />
            {matrix[0].map((_, c) => (
              <th key={c} scope="col">
                {columns.letter}
                <sub>{columns.range.begin + c}</sub>
              </th>
            ))}
          </tr>
        </thead>
      )}
      <tbody>
        {matrix.map((row, r) => (
          <tr key={r}>
            <th scope="row">
              {rows.letter}
              <sub>{rows.range.begin + r}</sub>
            </th>
            {row.map((x, c) => (
              <td key={c} data-sign={signOf(x)} style={heatStyle(READABLE * heatOf(x, most))}>
                {numberText(x)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const heatStyle = (heat: number): React.CSSProperties =>
  ({ '--jp-FlashLab-heat': `${Math.round(heat * 100)}%` }) as React.CSSProperties;

/** Its numbers show under the mouse. */
function Picture({ matrix, most, rows, columns, name, trans }: Props): React.JSX.Element {
  const [height, width] = [matrix.length, matrix[0].length];
  const size = Math.max(4, Math.min(14, Math.floor(220 / Math.max(height, width))));
  const tell = (event: React.MouseEvent<HTMLElement>): void => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const [r, c] = [Math.floor((event.clientY - top) / size), Math.floor((event.clientX - left) / size)];
    const x = matrix[r]?.[c];
    const column = columns ? `${columns.letter}${columns.range.begin + c}` : c;
    event.currentTarget.title =
      x === undefined ? '' : `${rows.letter}${rows.range.begin + r}, ${column}: ${numberText(x)}`;
  };
  return (
    <div style={{ width: width * size, height: height * size }} onMouseMove={tell}>
      <svg
        width={width * size}
        height={height * size}
        role="img"
        aria-label={trans.__('%1: %2 rows of %3 numbers', name, height, width)}
      >
        {heatPaths(matrix, most, size).map(({ sign, heat, d }) => (
          <path key={`${sign} ${heat}`} d={d} data-sign={sign} style={heatStyle(heat)} />
        ))}
      </svg>
    </div>
  );
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export const folder = path.resolve(__dirname, '..', '..', 'notebooks');

interface GradeMark {
  schema_version: number;
  grade_id: string;
  grade: boolean;
  solution: boolean;
  locked: boolean;
  task: boolean;
  points?: number;
}

export interface Cell {
  cell_type: 'code' | 'markdown';
  id: string;
  metadata: { nbgrader?: GradeMark; flashlab?: { solution?: string }; tags?: string[] };
  source: string[];
  outputs?: unknown[];
  execution_count?: number | null;
}

export interface Notebook {
  cells: Cell[];
  metadata: unknown;
  nbformat: number;
  nbformat_minor: number;
}

/** File names of the lessons in a folder of the course. */
export const lessonsIn = (sub = ''): string[] =>
  readdirSync(path.join(folder, sub))
    .filter((name) => /^\d\d-.*\.ipynb$/.test(name))
    .sort();

export const read = (name: string): Notebook => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Notebook;

export const textOf = ({ source }: Cell): string => source.join('');

/** The names of the exercises of a lesson, in its order. */
export const exercisesOf = ({ cells }: Notebook): string[] =>
  cells.flatMap(({ metadata: { nbgrader } }) => (nbgrader?.solution ? [nbgrader.grade_id] : []));

/** Links of a lesson to files that are not there. */
export function brokenLinks(name: string): string[] {
  const links = read(name)
    .cells.filter(({ cell_type }) => cell_type === 'markdown')
    .flatMap((cell) => [...textOf(cell).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link.split('#')[0]))
    .filter((link) => link !== '' && !/^https?:/.test(link));
  return links.filter((link) => !existsSync(path.join(folder, path.dirname(name), link)));
}

const COMMENT = /(?<!:)\/\/.*$|\/\*[^]*?\*\//gm;

/**
 * The tokens of a cell without comments, those of WGSL in a template included. Magics are a row of tokens like any other.
 */
export function withoutComments(code: string): string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, code);
  const tokens: string[] = [];
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) {
    const token = scanner.getTokenText();
    // Where the scanner takes the code between two templates for one, comments of that code are in it, too.
    tokens.push(token.startsWith('`') ? token.replace(COMMENT, '').replace(/\s+/g, ' ') : token);
  }
  return tokens;
}

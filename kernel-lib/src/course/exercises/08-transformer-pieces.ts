import { functionExercise } from '../definition';
import { drawCases } from '../draw';

type Vocabulary = Map<string, number>;

/** Made up so that words are cut in all ways: at once, at their ends, not at all, and at a dead end that a shorter piece would avoid. */
const PIECES = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]'],
  ...['a', 'ab', 'abc', 'b', 'tea', 'teap', 'pot', 'un', 'una', 'able', 'flash'],
  ...['##a', '##b', '##bc', '##d', '##pot', '##s', '##aff', '##ff', '##able', '##ableness', '##n', '##ness', '##flash'],
];

const WORDS = [
  ...['a', 'b', 'ab', 'abc', 'aa', 'abb', 'abcd', 'bbc', 'abcbcd', 'aaaaaaa'],
  ...['tea', 'teas', 'pots', 'flash', 'flashpot', 'flashflash', 'unable', 'unaffable', 'unaffableness', 'ablens'],
  ...['c', 's', 'xa', 'abx', 'abcxab', 'flashable.', 'teapot', 'teapots', 'abcable'],
];

const idsOf = (pieces: readonly string[], vocab: Vocabulary): number[] => pieces.map((piece) => vocab.get(piece)!);

interface Ways {
  /** Which of the pieces that fit. */
  readonly choose: 'longest' | 'shortest';
  /** What stands before pieces inside of a word. */
  readonly mark: string;
  /** What is made of the pieces so far when none fits. */
  readonly deadEnd: (pieces: string[]) => string[];
}

const RIGHT: Ways = { choose: 'longest', mark: '##', deadEnd: () => ['[UNK]'] };

const cutWith =
  (ways: Partial<Ways>) =>
  (word: string, vocab: Vocabulary): number[] => {
    const { choose, mark, deadEnd } = { ...RIGHT, ...ways };
    const pieces: string[] = [];
    for (let begin = 0; begin < word.length;) {
      const ends = Array.from({ length: word.length - begin }, (_, n) => begin + n + 1);
      if (choose === 'longest') ends.reverse();
      const pieceTo = (end: number): string => (begin === 0 ? '' : mark) + word.slice(begin, end);
      const end = ends.find((one) => vocab.has(pieceTo(one)));
      if (end === undefined) return idsOf(deadEnd(pieces), vocab);
      pieces.push(pieceTo(end));
      begin = end;
    }
    return idsOf(pieces, vocab);
  };

/** The longest pieces for which the rest can be cut, too. */
function cutBack(word: string, vocab: Vocabulary, mark = ''): number[] | null {
  if (word === '') return [];
  for (let end = word.length; end > 0; end--) {
    const id = vocab.get(mark + word.slice(0, end));
    const rest = id === undefined ? null : cutBack(word.slice(end), vocab, '##');
    if (rest) return [id!, ...rest];
  }
  return null;
}

export const wordPieces = functionExercise<[word: string, vocab: Vocabulary], number[]>({
  spec: 'wordPieces(word, vocab): ids of the longest pieces from left to right, all but the first with ## in front; only the id of [UNK] if none fits somewhere.',
  hints: [
    'Go from left to right. At each place try the whole rest of the word first, then one letter less, and so on.',
    "Behind the first piece look up '##' + letters. If no length fits, the result is [vocab.get('[UNK]')], whatever was found before.",
    'begin = 0; while (begin < word.length): end = word.length; while no piece has the letters from begin to end: end-- (no letters left: [UNK]); keep its id; begin = end.',
  ],
  cases: drawCases(
    804,
    WORDS,
    (word) => `word = ${word}`,
    (word, draw) => {
      // Every word has ids of its own, so that none can be written down.
      const order = draw.list(PIECES.length);
      const shuffled = PIECES.map((piece, n) => ({ piece, at: order[n] })).sort((a, b) => a.at - b.at);
      return [word, new Map(shuffled.map(({ piece }, id) => [piece, id]))];
    },
  ),
  expected: cutWith({}),
  tolerance: 'exact',
  mistakes: [
    {
      answer: cutWith({ choose: 'shortest' }),
      hint: 'The shortest piece that fits is taken. Take the longest: begin with the whole rest of the word.',
    },
    {
      answer: cutWith({ mark: '' }),
      hint: 'Pieces inside of a word have ## in front in the vocabulary; without it they are other words.',
    },
    {
      answer: cutWith({ deadEnd: (pieces) => [...pieces, '[UNK]'] }),
      hint: 'Where nothing fits, [UNK] stands for the rest only. It stands for the whole word: pieces found before it are dropped.',
    },
    {
      answer: cutWith({ deadEnd: (pieces) => pieces }),
      hint: 'Where nothing fits, the pieces found so far are given. The whole word is [UNK] then.',
    },
    {
      answer: (word, vocab) => cutBack(word, vocab) ?? [vocab.get('[UNK]')!],
      hint: 'When the longest piece leads to a dead end, shorter ones are tried. WordPiece is greedy: it takes nothing back, and the word is [UNK].',
    },
  ],
});

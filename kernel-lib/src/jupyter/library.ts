import Module, { createRequire } from 'node:module';
import * as path from 'node:path';
import { setSignalSource } from '../device/abort';
import type * as course from '../course';
import type * as library from '../node/index';
import type { AttentionReport } from '../experiments/attention-report';
import type { Tensor } from '../tensor/tensor';
import type { UserMagic } from './magics/register';
import { currentCell } from './session/cell';

/** What a notebook's `flash` has beside the library. */
export interface NotebookExtras {
  /** The report of the latest `%%flash.attention`. */
  last: AttentionReport | undefined;
  /** What the kernel of the latest `%%wgsl` wrote, by the names of its bindings. */
  written: Readonly<Record<string, Tensor | undefined>> | undefined;
  /**
   * Adds a magic that cells after this one may use, or replaces one added before.
   * @throws TypeError that names what is wrong
   */
  registerMagic(magic: UserMagic): void;
  /**
   * An exercise of the course by its name: `check` tries an answer on hidden inputs, `hint` helps.
   * @throws FlashError INVALID_ARGUMENT for a name that there is not
   * @example
   * await flash.exercise('safe-softmax').check(safeSoftmax)
   */
  exercise<K extends course.ExerciseName>(name: K): ReturnType<typeof course.exercise<K>>;
}

/** The notebook's `flash`: the library's exports and what belongs to the notebook. */
export type NotebookFlash = typeof library & NotebookExtras;

const PACKAGE = '@flashlab/kernel-lib';
const ENTRY = path.join(__dirname, '..', 'node', 'index.js');
const COURSE = path.join(__dirname, '..', 'course', 'index.js');

let flash: NotebookFlash | undefined;
let addMagic: NotebookExtras['registerMagic'];

/** Hands in what the magics, which use this module, give to `flash`. */
export function provideRegister(register: NotebookExtras['registerMagic']): void {
  addMagic = register;
}

/**
 * The notebook's `flash`; loads the library at first use, which starts no device. Its calls end with their cell: where they are
 * given no signal, they take that of the cell, so that an interrupt stops the GPU and not only the waiting.
 */
export function notebookFlash(): NotebookFlash {
  flash ??= fromLibrary(createRequire(__filename)(ENTRY) as typeof library);
  return flash;
}

/** The notebook's `flash` if anything has used it yet. */
export const loadedFlash = (): NotebookFlash | undefined => flash;

/** Makes `import … from '@flashlab/kernel-lib'` the same as the notebook's `flash`, whatever the notebook's folder. */
export function resolveLibrary(): void {
  const internals = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
  const load = internals._load;
  internals._load = (request, ...rest) => (request === PACKAGE ? notebookFlash() : load.call(Module, request, ...rest));
}

function fromLibrary(lib: typeof library): NotebookFlash {
  setSignalSource(() => currentCell.getStore()?.controller.signal);
  // These work on the CPU between their calls of attention.
  return {
    ...lib,
    last: undefined,
    written: undefined,
    registerMagic: addMagic,
    exercise: (name) => (createRequire(__filename)(COURSE) as typeof course).exercise(name, courseLanguage()),
    attentionReport: withSignal(lib.attentionReport, 2),
    bench: withSignal(lib.bench, 0),
    check: withSignal(lib.check, 0),
  };
}

/** Lessons in a folder of this name speak Chinese. */
const CHINESE = 'zh';

/** The language of the course: as the environment has it, else as the folder in which the kernel started tells. */
const LANGUAGE = process.env.FLASH_LANGUAGE ?? path.basename(process.cwd());
const courseLanguage = (): course.Language => (LANGUAGE === CHINESE ? 'zh' : 'en');

/** `call` with the signal of the current cell in its argument number `at`, unless that has one or is no object. */
export function withSignal<A extends unknown[], R>(call: (...args: A) => R, at: number): (...args: A) => R {
  return (...args) => {
    const signal = currentCell.getStore()?.controller.signal;
    const given: unknown = args[at];
    const open = given === undefined || (typeof given === 'object' && given !== null && !('signal' in given));
    if (!signal || !open) return call(...args);
    const all: unknown[] = [...args];
    all[at] = { ...given, signal };
    return call(...(all as A));
  };
}

import { exercise, ExerciseError, type Exercise, type ExerciseName } from '../../src/course';
import type { AnyDefinition } from '../../src/course/definition';
import { definitions } from '../../src/course/exercises';

/** The exercises of the course with what belongs to them, in order. */
export const allExercises = Object.entries(definitions) as unknown as [ExerciseName, AnyDefinition][];

/** Fails unless a mistake of an exercise is told from a right answer, and by its own hint. */
export async function expectRejected(
  name: ExerciseName,
  { answer, hint }: AnyDefinition['mistakes'][number],
): Promise<void> {
  const asked = exercise(name) as unknown as Exercise<unknown>;
  const error: unknown = await asked.check(answer).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ExerciseError);
  expect((error as ExerciseError).message).toContain(hint);
}

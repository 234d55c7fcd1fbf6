/**
 * Code whose single steps matter: reads and writes that another cpu can come in between.
 *
 * It is written once. The machine runs it at once; who explores what could happen runs it step by
 * step, as a context.
 */
import type { Context } from './context.ts';

/** Yields what it has just done. */
export type Steps<T> = Generator<string, T, void>;

/** All steps, one after the other. */
export function runToEnd<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** One at a time: between two of them other cpus may do theirs. */
export function* stepByStep<T>(steps: Steps<T>): Context<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    yield { kind: 'step', done: step.value };
  }
}

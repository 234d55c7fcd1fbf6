/**
 * Kernel contexts: code that can sleep.
 *
 * A store, a module's init, a callback or a work item is a generator that runs on a task and
 * yields where Linux could sleep or be rescheduled. All state lives outside the generators, in the
 * kernel's plain data, so between two yields everything an observer can see is consistent.
 */

/** How a task sleeps. Source: include/linux/sched.h, TASK_INTERRUPTIBLE and so on. */
export type SleepState = 'interruptible' | 'killable' | 'uninterruptible';

export type Suspension =
  /** Goes on without giving the cpu away; only another cpu may do something in between. */
  | { readonly kind: 'step'; readonly done: string }
  /** cond_resched(): the caller has worked for a while and lets others run, on every cpu. */
  | { readonly kind: 'resched' }
  /** Compute: a process returns to user space for that, a kthread stays where it is. */
  | { readonly kind: 'compute'; readonly durationNs: number }
  /** schedule() in a sleeping state, until woken or, if given, until that time in nanoseconds. */
  | { readonly kind: 'sleep'; readonly state: SleepState; readonly untilNs?: number };

/** Why a sleep ended. */
export type Wakeup = 'woken' | 'timeout' | 'signal';

export type Context<T = void> = Generator<Suspension, T, Wakeup>;

/** A value at once, or a context that will produce it. */
export type Answer<T> = T | Context<T>;

export function isContext<T>(answer: Answer<T>): answer is Context<T> {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'next' in answer &&
    typeof answer.next === 'function'
  );
}

/** Lets `yield*` treat both forms of an answer alike. */
export function* settle<T>(answer: Answer<T>): Context<T> {
  return isContext(answer) ? yield* answer : answer;
}

export const RESCHED: Suspension = { kind: 'resched' };
/** smp_wmb(): who sees what is written after it also sees what was written before. */
export const WRITE_BARRIER: Suspension = { kind: 'step', done: 'smp_wmb()' };

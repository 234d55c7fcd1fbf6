/** Sleeping and waking: wait queues, mutexes, and a wait for work to be finished. */
import { setTimer } from '../clock.ts';
import type { Kernel } from '../kernel.ts';
import { type Answer, type Context, type SleepState, settle, type Wakeup } from './context.ts';
import { wakeTask } from './scheduler.ts';
import type { Task } from './task.ts';

/** Tasks that wait, the first one first. Source: include/linux/wait.h. */
export interface WaitQueue {
  readonly waiters: Task[];
  /** Who is no task of the machine, told once. They may not call back into the kernel. */
  readonly listeners: Set<() => void>;
}

export function createWaitQueue(): WaitQueue {
  return { waiters: [], listeners: new Set() };
}

/** Whether anybody would notice if the queue were woken. Source: waitqueue_active(). */
export function isAwaited({ waiters, listeners }: WaitQueue): boolean {
  return waiters.length > 0 || listeners.size > 0;
}

/** Sleeps on the queue until woken, or until a signal where the state allows one. */
export function* waitOn(kernel: Kernel, queue: WaitQueue, state: SleepState): Context<Wakeup> {
  const task = kernel.current;
  queue.waiters.push(task);
  const wakeup = yield { kind: 'sleep', state };
  const position = queue.waiters.indexOf(task);
  if (position >= 0) queue.waiters.splice(position, 1);
  return wakeup;
}

export function wakeAll(kernel: Kernel, queue: WaitQueue): void {
  for (const task of queue.waiters.splice(0)) wakeTask(kernel, task, 'woken');
  const told = [...queue.listeners];
  queue.listeners.clear();
  for (const listener of told) listener();
}

/** Source: kernel/locking/mutex.c. */
export interface Mutex {
  owner: Task | undefined;
  /** Since when it has this owner, nanoseconds since boot. */
  sinceNs: number;
  readonly queue: WaitQueue;
}

export function createMutex(): Mutex {
  return { owner: undefined, sinceNs: 0, queue: createWaitQueue() };
}

/**
 * Runs `critical` under the mutex. Waiting for it cannot be interrupted; it is released however
 * `critical` ends, in the order of arrival.
 */
export function* withMutex<T>(kernel: Kernel, mutex: Mutex, critical: () => Answer<T>): Context<T> {
  const task = kernel.current;
  while (mutex.owner !== undefined && mutex.owner !== task) {
    yield* waitOn(kernel, mutex.queue, 'uninterruptible');
  }
  if (mutex.owner === undefined) own(kernel, mutex, task);
  try {
    return yield* settle(critical());
  } finally {
    const next = mutex.queue.waiters.shift();
    own(kernel, mutex, next);
    if (next !== undefined) wakeTask(kernel, next, 'woken');
  }
}

function own({ clock }: Kernel, mutex: Mutex, owner: Task | undefined): void {
  mutex.owner = owner;
  mutex.sinceNs = clock.nowNs;
}

/** Runs `act` while no task is in the middle of a step, the caller among them: as an interrupt. */
export function* betweenSteps(kernel: Kernel, act: () => void): Context {
  const { nowNs } = kernel.clock;
  setTimer(kernel.timers, nowNs, act);
  yield { kind: 'sleep', state: 'uninterruptible', untilNs: nowNs };
}

/** schedule_timeout(): sleeps for a while, or for ever without an end. */
export function* sleepFor(
  kernel: Kernel,
  state: SleepState,
  durationNs: number | undefined,
): Context<Wakeup> {
  return yield durationNs === undefined
    ? { kind: 'sleep', state }
    : { kind: 'sleep', state, untilNs: kernel.clock.nowNs + durationNs };
}

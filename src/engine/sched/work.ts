/**
 * Work items: functions of modules that kworkers call, at once or later.
 *
 * Source: kernel/workqueue.c.
 */
import { callFunction } from '../call.ts';
import { setTimer, type Timer } from '../clock.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel, TimerPayload } from '../kernel.ts';
import type { Context } from './context.ts';
import { cpuOf } from './task.ts';
import { createWaitQueue, type WaitQueue, waitOn, wakeAll } from './wait.ts';
import { queueWork } from './workqueue.ts';

/** struct delayed_work. It waits for its time or for a worker at most once, and never runs twice at a time. */
export interface Work {
  readonly code: Code;
  /** WORK_STRUCT_PENDING: what was scheduled and has not begun. */
  pending: Queued | undefined;
  running: boolean;
  /** Somebody waits for its end, and does not want it to come again. */
  cancelling: boolean;
  readonly waiters: WaitQueue;
}

interface Queued {
  timer: Timer<TimerPayload> | undefined;
}

/** INIT_DELAYED_WORK(). */
export function createWork(code: Code): Work {
  return {
    code,
    pending: undefined,
    running: false,
    cancelling: false,
    waiters: createWaitQueue(),
  };
}

/** schedule_delayed_work(), on the cpu of the caller; false if it is pending already. */
export function scheduleWork(kernel: Kernel, work: Work, delayNs: number): boolean {
  if (work.pending || work.cancelling) return false;
  const cpu = cpuOf(kernel.tasks, kernel.current);
  const queued: Queued = { timer: undefined };
  const enqueue = () => queueWork(kernel, cpu, () => runWork(kernel, work, queued));
  work.pending = queued;
  if (delayNs > 0) {
    queued.timer = setTimer<TimerPayload>(kernel.timers, kernel.clock.nowNs + delayNs, enqueue);
  } else enqueue();
  return true;
}

/** flush_work(): waits until what was scheduled is done. */
export function* flushWork(kernel: Kernel, work: Work): Context {
  while (work.pending || work.running) yield* waitOn(kernel, work.waiters, 'uninterruptible');
}

/** cancel_delayed_work_sync(): it does not begin any more; if it has, waits for its end. */
export function* cancelWork(kernel: Kernel, work: Work): Context {
  if (work.pending?.timer) work.pending.timer.cancelled = true;
  work.pending = undefined;
  work.cancelling = true;
  while (work.running) yield* waitOn(kernel, work.waiters, 'uninterruptible');
  work.cancelling = false;
}

/** Source: process_one_work(), find_worker_executing_work(). */
function* runWork(kernel: Kernel, work: Work, queued: Queued): Context {
  while (work.running) yield* waitOn(kernel, work.waiters, 'uninterruptible');
  if (work.pending !== queued) return;
  work.pending = undefined;
  work.running = true;
  try {
    yield* callFunction(kernel, work.code);
  } finally {
    work.running = false;
    wakeAll(kernel, work.waiters);
  }
}

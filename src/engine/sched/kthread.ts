/**
 * Kthreads of modules: a function that runs on a task of its own until it is told to stop.
 *
 * Source: kernel/kthread.c.
 */

import { callFunction } from '../call.ts';
import { type Code, lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import type { Context } from './context.ts';
import { wakeTask } from './scheduler.ts';
import { pushFrame } from './stack.ts';
import { startTask } from './start.ts';
import { stackOf, type Task } from './task.ts';
import { createWaitQueue, type WaitQueue, waitOn, wakeAll } from './wait.ts';

export interface Kthread {
  readonly task: Task;
  shouldStop: boolean;
  exited: boolean;
  /** Who waits for its end. */
  readonly stoppers: WaitQueue;
}

/** kthread_run(): calls the function on a new kthread, which ends when it returns. */
export function runKthread(kernel: Kernel, comm: string, code: Code): Kthread {
  const task = startTask(kernel, {
    comm,
    pid: undefined,
    cpu: undefined,
    kthread: true,
    threads: [],
    program: [{ kind: 'run', body: () => kthreadEntry(kernel, code) }, { kind: 'exit' }],
  });
  const kthread = { task, shouldStop: false, exited: false, stoppers: createWaitQueue() };
  kernel.kthreads.set(task, kthread);
  return kthread;
}

/** kthread_should_stop(), of the kthread that runs now. */
export function shouldStop({ kthreads, current }: Kernel): boolean {
  return kthreads.get(current)?.shouldStop ?? false;
}

/** kthread_stop(): wakes it, and waits for its end. */
export function* stopKthread(kernel: Kernel, kthread: Kthread): Context {
  kthread.shouldStop = true;
  if (!kthread.exited) wakeTask(kernel, kthread.task, 'woken');
  while (!kthread.exited) yield* waitOn(kernel, kthread.stoppers, 'uninterruptible');
}

/** What every kthread executes first, where the machine has such a function. Source: kthread(). */
function* kthreadEntry(kernel: Kernel, code: Code): Context {
  const { current: task, kthreads } = kernel;
  const entry = lookupName(kernel.kallsyms, 'kthread');
  if (entry) kernel.tasks.stack[task] = pushFrame(stackOf(kernel.tasks, task), entry);
  try {
    yield* callFunction(kernel, code);
  } finally {
    const kthread = kthreads.get(task);
    kthreads.delete(task);
    if (kthread) {
      kthread.exited = true;
      wakeAll(kernel, kthread.stoppers);
    }
  }
}

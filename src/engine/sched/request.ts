/**
 * Requests of clients: each runs in the task of the process that asks, where the machine has one, or
 * in a short-lived process, as one that has just come back from user space.
 */
import type { Kernel } from '../kernel.ts';
import type { Context } from './context.ts';
import { attachThread, type Outcome, spawnClient, wakeFirst, wakeTask } from './scheduler.ts';
import { runStateOf, type Task } from './task.ts';

const CLIENT_COMM = 'klpfs-client';

/** `settled` is told once, when the machine has run the context to its end. */
export function startRequest<T>(
  kernel: Kernel,
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
): Task {
  return spawnClient(kernel, CLIENT_COMM, context, settled);
}

/**
 * The same in an adopted task; in a process of its own if the task is in the middle of something,
 * such as another request. Answers the task that runs it.
 *
 * Since the last thing that the task did it has been in user space, and it goes back there: each
 * way it passes the point at which a pending transition is noticed.
 *
 * Source: arch/x86/entry/common.c:exit_to_usermode_loop().
 */
export function startRequestIn<T>(
  kernel: Kernel,
  task: Task,
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
): Task {
  const { tasks } = kernel;
  const state = runStateOf(tasks, task);
  const isFree = !kernel.threads.has(task) && (state === 'interruptible' || state === 'runnable');
  if (!isFree) return startRequest(kernel, context, settled);
  attachThread(kernel, task, context, (outcome) => {
    // What interrupted it is for the process to take, out there.
    tasks.signals.delete(task);
    tasks.leavingKernel[task] = 1;
    settled(outcome);
  });
  tasks.leavingKernel[task] = 1;
  if (state === 'interruptible') wakeFirst(kernel, task);
  return task;
}

/** A signal for the process behind a request: pending until a sleep that allows for it. */
export function interruptRequest(kernel: Kernel, task: Task): void {
  if (!kernel.threads.has(task)) return;
  kernel.tasks.signals.set(task, ['INT']);
  if (runStateOf(kernel.tasks, task) === 'interruptible') wakeTask(kernel, task, 'signal');
}

/**
 * Requests of clients: each runs in a short-lived process, as one that has just come back from
 * user space.
 */
import type { Kernel } from '../kernel.ts';
import type { Context } from './context.ts';
import { type Outcome, spawnClient, wakeTask } from './scheduler.ts';
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

/** A signal for the process behind a request: pending until a sleep that allows for it. */
export function interruptRequest(kernel: Kernel, task: Task): void {
  if (!kernel.threads.has(task)) return;
  kernel.tasks.signals.set(task, ['INT']);
  if (runStateOf(kernel.tasks, task) === 'interruptible') wakeTask(kernel, task, 'signal');
}

/** Passes over all tasks, in slices between which others run. */
import type { Kernel } from '../kernel.ts';
import { type Context, RESCHED } from './context.ts';
import { type Task, walkTasks } from './task.ts';

/** Visits every task, idle tasks and those that come meanwhile included. */
export function* forEachTask(kernel: Kernel, visit: (task: Task) => void): Context {
  for (const _slice of walkTasks(kernel.tasks, visit)) yield RESCHED;
}

/**
 * What people ask of tasks while the machine runs: end, fork, call a function.
 */
import { KernelError } from '../../abi/errno.ts';
import { lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { forkTask } from './fork.ts';
import { armTick, cancelTaskTimer, cpuOfTask, interruptSleep } from './scheduler.ts';
import { commOf, kindOf, pidOf, removeTask, runStateOf, type Task } from './task.ts';

/**
 * Makes a task disappear, whatever it sleeps in.
 *
 * @throws KernelError EPERM for init, idle tasks and those that the kernel works with; EBUSY for
 * one that is about to run.
 */
export function endTask(kernel: Kernel, task: Task): void {
  const { tasks, threads, events } = kernel;
  const pid = pidOf(tasks, task);
  if (pid <= KTHREADD_PID || threads.has(task)) {
    throw new KernelError('EPERM', `the machine needs ${commOf(tasks, task)} (${pid})`);
  }
  if (runStateOf(tasks, task) === 'runnable') {
    throw new KernelError('EBUSY', `${commOf(tasks, task)} (${pid}) is running; kill it`);
  }
  cancelTaskTimer(kernel, task);
  for (const { waiters } of events.values()) {
    const position = waiters.indexOf(task);
    if (position >= 0) waiters.splice(position, 1);
  }
  removeTask(tasks, task);
}

/** kthreadd, the last of the pids that no machine does without. */
const KTHREADD_PID = 2;

/**
 * The child does what its parent does, from the beginning; answers the child.
 *
 * @throws KernelError EINVAL for what is no process with a program.
 */
export function forkByRequest(kernel: Kernel, parent: Task): Task {
  const program = kernel.tasks.program[parent];
  if (!program || kindOf(kernel.tasks, parent) !== 'user') {
    throw new KernelError('EINVAL', `${commOf(kernel.tasks, parent)} does not fork`);
  }
  return forkTask(kernel, parent, { comm: commOf(kernel.tasks, parent), program });
}

/**
 * The task calls the function before it goes on with its program: at once if it can be
 * interrupted, else when its sleep is over.
 *
 * @throws KernelError EINVAL for an unknown function, or a task without a program.
 */
export function callByRequest(kernel: Kernel, task: Task, name: string): void {
  const { tasks } = kernel;
  if (!lookupName(kernel.kallsyms, name)) {
    throw new KernelError('EINVAL', `there is no function '${name}'`);
  }
  if (!tasks.program[task]) throw new KernelError('EINVAL', `${pidOf(tasks, task)} has no program`);
  tasks.calls.set(task, [...(tasks.calls.get(task) ?? []), name]);
  if (runStateOf(tasks, task) === 'interruptible') interruptSleep(kernel, task);
  else armTick(kernel, cpuOfTask(kernel, task));
}

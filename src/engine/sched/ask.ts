/**
 * What people ask of tasks while the machine runs: end, fork, call a function.
 */
import { KernelError } from '../../abi/errno.ts';
import { lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { cpuOfTask } from './cpu.ts';
import { finishTask, isZombie, reap } from './exit.ts';
import { threadsOf } from './family.ts';
import { forkTask } from './fork.ts';
import { isRunningCode } from './program.ts';
import { armTick, interruptSleep } from './scheduler.ts';
import { commOf, kindOf, pidOf, runStateOf, type Task } from './task.ts';

/**
 * Ends a task, whatever it sleeps in; a zombie disappears as if its parent had waited for it.
 *
 * @throws KernelError EPERM for init, idle tasks and those that the kernel works with; EBUSY for
 * one that is about to run, and for a zombie that still has threads.
 */
export function endTask(kernel: Kernel, task: Task): void {
  const { tasks } = kernel;
  const pid = pidOf(tasks, task);
  if (isZombie(kernel, task)) {
    reapByRequest(kernel, task);
    return;
  }
  if (pid <= KTHREADD_PID || !tasks.program[task]) {
    throw new KernelError('EPERM', `the machine needs ${commOf(tasks, task)} (${pid})`);
  }
  if (runStateOf(tasks, task) === 'runnable') {
    throw new KernelError('EBUSY', `${commOf(tasks, task)} (${pid}) is running; kill it`);
  }
  finishTask(kernel, task);
}

function reapByRequest(kernel: Kernel, zombie: Task): void {
  const { tasks } = kernel;
  if (threadsOf(tasks, zombie).length > 1) {
    throw new KernelError('EBUSY', `${commOf(tasks, zombie)} is a zombie, but its threads are not`);
  }
  reap(kernel, zombie);
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
 * @throws KernelError EINVAL for an unknown function, or a task that does not execute steps.
 */
export function callByRequest(kernel: Kernel, task: Task, name: string): void {
  const { tasks } = kernel;
  if (!lookupName(kernel.kallsyms, name)) {
    throw new KernelError('EINVAL', `there is no function '${name}'`);
  }
  if (!tasks.program[task] || isRunningCode(kernel, task)) {
    throw new KernelError('EINVAL', `${commOf(tasks, task)} calls nothing but what it has to`);
  }
  tasks.calls.set(task, [...(tasks.calls.get(task) ?? []), name]);
  if (runStateOf(tasks, task) === 'interruptible') interruptSleep(kernel, task);
  else armTick(kernel, cpuOfTask(kernel, task));
}

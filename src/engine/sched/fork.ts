/**
 * Children: they begin where their parent is in a transition.
 *
 * Source: kernel/fork.c:copy_process(), kernel/livepatch/transition.c:klp_copy_process().
 */
import type { Kernel } from '../kernel.ts';
import type { Program } from './program.ts';
import { enqueueTask } from './scheduler.ts';
import { addTask, cpuOf, isPatchPending, patchStateOf, type Task } from './task.ts';

export interface Child {
  readonly comm: string;
  readonly program: Program;
}

/** The child has its parent's patch state and flag, and switches on its way to user space. */
export function forkTask(kernel: Kernel, parent: Task, { comm, program }: Child): Task {
  const { tasks } = kernel;
  const child = addTask(tasks, {
    comm,
    kind: 'user',
    cpu: cpuOf(tasks, parent),
    stack: kernel.emptyStack,
    program,
    patchState: patchStateOf(tasks, parent),
    patchPending: isPatchPending(tasks, parent),
  });
  tasks.leavingKernel.add(child);
  enqueueTask(kernel, child);
  return child;
}

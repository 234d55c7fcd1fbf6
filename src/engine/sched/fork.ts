/**
 * Children: they begin where their parent is in a transition.
 *
 * Source: kernel/fork.c:copy_process(), kernel/livepatch/transition.c:klp_copy_process().
 */
import type { Kernel } from '../kernel.ts';
import { adopt, joinProcess, leaderOf } from './family.ts';
import type { Program } from './program.ts';
import { enqueueTask } from './scheduler.ts';
import { addTask, cpuOf, isPatchPending, patchStateOf, type Task, tgidOf } from './task.ts';

export interface Child {
  readonly comm: string;
  readonly program: Program;
  /** The next that is free unless given. */
  readonly pid?: number | undefined;
}

/** A process of its own, which has the patch state and the flag of the task that forks. */
export function forkTask(kernel: Kernel, parent: Task, child: Child): Task {
  const task = copyTask(kernel, parent, child, undefined);
  adopt(kernel.tasks, leaderOf(kernel.tasks, parent), task);
  return task;
}

/** One more thread of the process. Source: CLONE_THREAD. */
export function cloneThread(kernel: Kernel, sibling: Task, child: Child): Task {
  const tgid = tgidOf(kernel.tasks, sibling);
  const task = copyTask(kernel, sibling, child, tgid);
  joinProcess(kernel.tasks, task, tgid);
  return task;
}

/** It switches on its way to user space. */
function copyTask(
  kernel: Kernel,
  original: Task,
  { comm, program, pid }: Child,
  tgid: number | undefined,
): Task {
  const { tasks } = kernel;
  const task = addTask(
    tasks,
    { comm, kind: 'user', cpu: cpuOf(tasks, original), program, pid, tgid },
    {
      stack: kernel.emptyStack,
      startNs: kernel.clock.nowNs,
      patchState: patchStateOf(tasks, original),
      patchPending: isPatchPending(tasks, original),
    },
  );
  tasks.leavingKernel[task] = 1;
  enqueueTask(kernel, task);
  return task;
}

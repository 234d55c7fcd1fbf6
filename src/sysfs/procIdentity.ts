/** What several files of a process say of it: its state, its relations, whether it has memory. */
import type { Kernel } from '../engine/kernel.ts';
import { leaderOf, parentOf, sessionOf } from '../engine/sched/family.ts';
import {
  kindOf,
  pidOf,
  type RunState,
  runStateOf,
  type Task,
  tgidOf,
} from '../engine/sched/task.ts';

const INIT_PID = 1;
const KTHREADD_PID = 2;

const STATES: Readonly<Record<RunState, string>> = {
  runnable: 'R (running)',
  interruptible: 'S (sleeping)',
  killable: 'D (disk sleep)',
  uninterruptible: 'D (disk sleep)',
  stopped: 'T (stopped)',
  zombie: 'Z (zombie)',
};

/** A letter, and what it means. Source: fs/proc/array.c:get_task_state(), task_state_array[]. */
export function stateOf(kernel: Kernel, task: Task): string {
  return isIdleWorker(kernel, task) ? 'I (idle)' : STATES[runStateOf(kernel.tasks, task)];
}

/**
 * A child of init, or of kthreadd, unless a process of the machine has forked it; these two, and idle
 * tasks, have no parent.
 */
export function parentPidOf({ tasks }: Kernel, task: Task): number {
  if (tgidOf(tasks, task) <= KTHREADD_PID) return 0;
  const parent = parentOf(tasks, leaderOf(tasks, task));
  if (parent !== undefined) return pidOf(tasks, parent);
  return isKthread(tasks, task) ? KTHREADD_PID : INIT_PID;
}

/**
 * Also the process group: every process leads a session of its own but those that were forked, which
 * are in that of their parent; kthreads are in the kernel's.
 */
export function sessionIdOf({ tasks }: Kernel, task: Task): number {
  return isKthread(tasks, task) ? 0 : sessionOf(tasks, leaderOf(tasks, task));
}

/** task->mm: kthreads have none, and what has exited has none any more. */
export function hasMemory({ tasks }: Kernel, task: Task): boolean {
  return !isKthread(tasks, task) && runStateOf(tasks, task) !== 'zombie';
}

export function isKthread(tasks: Kernel['tasks'], task: Task): boolean {
  return kindOf(tasks, task) === 'kthread';
}

export function isKthreadd({ tasks }: Kernel, task: Task): boolean {
  return isKthread(tasks, task) && pidOf(tasks, task) === KTHREADD_PID;
}

/** PF_WQ_WORKER: the only kthreads without a program. */
export function isWorker({ tasks }: Kernel, task: Task): boolean {
  return isKthread(tasks, task) && tasks.program[task] === undefined;
}

/** TASK_IDLE. Source: kernel/workqueue.c:worker_thread(). */
function isIdleWorker(kernel: Kernel, task: Task): boolean {
  if (runStateOf(kernel.tasks, task) !== 'interruptible' || !isWorker(kernel, task)) return false;
  return kernel.workerPools.some(({ idle }) => idle.includes(task));
}

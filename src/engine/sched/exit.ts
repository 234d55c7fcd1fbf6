/**
 * The end of tasks: of one thread, of a whole process; zombies, and who takes them away.
 *
 * Source: kernel/exit.c.
 */
import { assert } from '../../abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { cpuOfTask } from './cpu.ts';
import {
  childrenOf,
  isLeader,
  leaderOf,
  leaveProcess,
  orphan,
  parentOf,
  threadsOf,
} from './family.ts';
import { cancelTaskTimer, sleepTask, wakeTask } from './scheduler.ts';
import {
  clearErrands,
  removeTask,
  runStateOf,
  setRunState,
  startWaiting,
  stopWaiting,
  type Task,
  tgidOf,
} from './task.ts';

/** The task that runs now ends. Source: do_exit(). */
export function exitTask(kernel: Kernel, task: Task): void {
  const cpu = cpuOfTask(kernel, task);
  assert(cpu.current === task, `task ${task} exits without running`);
  assert(cpu.busyUntilNs === undefined, 'who exits does not compute');
  cpu.current = cpu.idle;
  cpu.needResched = true;
  finishTask(kernel, task);
}

/**
 * What is left of a task that runs nowhere any more: nothing of a thread; of a process a zombie,
 * until all its threads have ended and its parent has noticed.
 *
 * Source: exit_notify().
 */
export function finishTask(kernel: Kernel, task: Task): void {
  const { tasks } = kernel;
  cancelTaskTimer(kernel, task);
  stopWaiting(tasks, task);
  closeThread(kernel, task);
  clearErrands(tasks, task);
  tasks.stack[task] = kernel.emptyStack;
  setRunState(tasks, task, 'zombie');

  const leader = leaderOf(tasks, task);
  if (task !== leader) {
    leaveProcess(tasks, task, tgidOf(tasks, task));
    removeTask(tasks, task);
  }
  if (isDead(kernel, leader)) finishProcess(kernel, leader);
}

/** Lets a context run its `finally` blocks; it has no say in whether it ends. */
function closeThread({ threads }: Kernel, task: Task): void {
  const thread = threads.get(task);
  threads.delete(task);
  thread?.context.return(undefined);
}

/** Whether no thread of the process is left. */
function isDead({ tasks }: Kernel, leader: Task): boolean {
  return runStateOf(tasks, leader) === 'zombie' && threadsOf(tasks, leader).length === 1;
}

/** init takes its children away at once, other parents when they wait for one. */
function finishProcess(kernel: Kernel, leader: Task): void {
  const { tasks } = kernel;
  for (const child of childrenOf(tasks, leader)) {
    orphan(tasks, child);
    if (isDead(kernel, child)) reap(kernel, child);
  }
  const parent = parentOf(tasks, leader);
  if (parent === undefined) {
    reap(kernel, leader);
    return;
  }
  const waiting = threadsOf(tasks, parent).filter((thread) =>
    tasks.family.waitingParents.has(thread),
  );
  const [first] = waiting;
  if (first === undefined) return;
  reap(kernel, leader);
  // Without a child that is left there is nothing to wait for.
  const awake = childrenOf(tasks, parent).length > 0 ? [first] : waiting;
  for (const thread of awake) wakeTask(kernel, thread, 'woken');
}

/** Takes a zombie away. Source: release_task(). */
export function reap({ tasks }: Kernel, zombie: Task): void {
  orphan(tasks, zombie);
  tasks.family.sessions.delete(zombie);
  removeTask(tasks, zombie);
}

/**
 * The process of the task that runs now takes one of its zombies away; if it has none but children
 * that may become one, the task sleeps until then.
 *
 * Source: do_wait().
 */
export function waitForChild(kernel: Kernel, task: Task): void {
  const { tasks } = kernel;
  const children = childrenOf(tasks, leaderOf(tasks, task));
  const zombie = children.find((child) => isDead(kernel, child));
  if (zombie !== undefined) {
    reap(kernel, zombie);
  } else if (children.length > 0) {
    startWaiting(tasks, task, tasks.family.waitingParents);
    sleepTask(kernel, task, 'interruptible', undefined);
  }
}

/** Whether the task has ended, and only its parent, or the rest of its process, keeps it. */
export function isZombie({ tasks }: Kernel, task: Task): boolean {
  return runStateOf(tasks, task) === 'zombie' && isLeader(tasks, task);
}

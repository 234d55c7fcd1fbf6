/**
 * Processes of the host that are tasks of the machine, under their own pids.
 *
 * What they do in user space happens out there and takes no cpu of the machine. Meanwhile each of
 * them sleeps with nothing on its stack, as a shell does that waits for its next line, so the first
 * pass of a transition switches it. What it asks of the machine runs in it (see request.ts).
 */
import { assert } from '../../abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { BOOT_CPU } from './cpu.ts';
import { finishTask, isZombie, reap } from './exit.ts';
import { cloneThread, forkTask } from './fork.ts';
import { compileProgram } from './program.ts';
import { createTask, enqueueTask } from './scheduler.ts';
import { findTask, runStateOf, type Task } from './task.ts';

/** A thread of the host, as its /proc tells of it. */
export interface Arrival {
  readonly pid: number;
  /** Its own pid, or that of a process that was adopted before. */
  readonly tgid: number;
  readonly parentPid: number;
  readonly comm: string;
}

/** It sleeps until it is woken, and then again. */
const USER_SPACE = compileProgram([]);

/**
 * Makes a task of it. A child of an adopted process begins where its parent is in a transition, a
 * thread where its process is: each has passed the way to user space before it could be found. One
 * that comes from elsewhere is as far as anybody who comes from there.
 *
 * The caller sees to it that the pid is not in use, and that the process of a thread is adopted.
 *
 * Source: kernel/fork.c:copy_process(), kernel/livepatch/transition.c:klp_copy_process().
 */
export function adoptTask(kernel: Kernel, { pid, tgid, parentPid, comm }: Arrival): Task {
  const { tasks } = kernel;
  assert(findTask(tasks, pid) === undefined, `pid ${pid} is in use`);
  const child = { comm, program: USER_SPACE, pid };
  const process = findAdopted(kernel, tgid);
  const parent = findAdopted(kernel, parentPid);
  let task: Task;
  if (tgid !== pid) {
    assert(process !== undefined, `process ${tgid} is adopted before its threads`);
    task = cloneThread(kernel, process, child);
  } else if (parent !== undefined) {
    task = forkTask(kernel, parent, child);
  } else {
    task = createTask(kernel, { ...child, kind: 'user', cpu: BOOT_CPU });
    enqueueTask(kernel, task);
  }
  tasks.adopted.add(task);
  return task;
}

/** The task of a process of the host, or of one of its threads. */
export function findAdopted({ tasks }: Kernel, pid: number): Task | undefined {
  const task = findTask(tasks, pid);
  return task !== undefined && tasks.adopted.has(task) ? task : undefined;
}

/**
 * It has ended out there: what is left is a zombie, or nothing, as for every other task. False if the
 * machine is not done with it yet.
 *
 * Source: kernel/exit.c:do_exit().
 */
export function endAdopted(kernel: Kernel, task: Task): boolean {
  const state = runStateOf(kernel.tasks, task);
  if (state === 'runnable' || kernel.threads.has(task)) return false;
  if (state !== 'zombie') finishTask(kernel, task);
  return true;
}

/** Its parent has noticed, out there, that it has ended. Source: kernel/exit.c:release_task(). */
export function releaseAdopted(kernel: Kernel, pid: number): void {
  const task = findAdopted(kernel, pid);
  if (task !== undefined && isZombie(kernel, task)) reap(kernel, task);
}

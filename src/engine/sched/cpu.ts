/** A cpu: what it runs now, and who waits for it. Source: kernel/sched/sched.h:struct rq. */
import { assert } from '../../abi/errno.ts';
import type { Timer } from '../clock.ts';
import type { Kernel, TimerPayload } from '../kernel.ts';
import type { Queue } from '../queue.ts';
import { cpuOf, type Task } from './task.ts';

export interface Cpu {
  readonly id: number;
  /** The swapper task of this cpu. */
  readonly idle: Task;
  /** An offline cpu runs nothing. */
  online: boolean;
  current: Task;
  /** Tasks that have woken or are in the kernel, the next one first: they take no virtual time. */
  readonly runQueue: Queue<Task>;
  /** Tasks that were preempted while they computed; they go on when nobody else wants to run. */
  readonly computing: Queue<Task>;
  needResched: boolean;
  /** Above zero what runs here goes on: no other task gets the cpu. Source: preempt_count(). */
  preemptCount: number;
  /** Whether RCU waits for what runs here; not on the way to user space and in the idle loop. */
  rcuWatching: boolean;
  /** While `current` spends virtual time (user space, mostly): when it is done, if left alone. */
  busyUntilNs: number | undefined;
  tick: Timer<TimerPayload> | undefined;
  /** What is left of its turn, while others have something to do at the same moment. */
  turnSteps: number;
}

/**
 * How many steps a cpu does before others have their turn: none where there is little to do, so that
 * the order of things stays easy to follow.
 */
export const TURN_STEPS = 1024;

/** Whether no cpu has anything to do until time moves, not even to compute. */
export function isIdle({ cpus }: Kernel): boolean {
  return cpus.every(({ current, idle, needResched }) => current === idle && !needResched);
}

/** It never goes offline; what has lost its cpu goes there. */
export const BOOT_CPU = 0;

/** Whether the task is on a cpu at this moment. Source: kernel/sched/core.c:task_curr(). */
export function isRunning(kernel: Kernel, task: Task): boolean {
  return kernel.cpus[cpuOf(kernel.tasks, task)]?.current === task;
}

export function cpuOfTask(kernel: Kernel, task: Task): Cpu {
  const cpu = kernel.cpus[cpuOf(kernel.tasks, task)];
  assert(cpu, 'every task is on a cpu that the machine has');
  return cpu;
}

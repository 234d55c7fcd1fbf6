/**
 * What tasks do to themselves and to each other: wake, sleep, spend time, exit.
 *
 * Kernel code takes no virtual time; user space does. The order of everything follows from the
 * machine's description and its inputs alone.
 *
 * Source: kernel/sched/core.c, arch/x86/entry/common.c.
 */
import { assert } from '../../abi/errno.ts';
import { JIFFY_NS, setTimer } from '../clock.ts';
import type { Kernel } from '../kernel.ts';
import { arrivingPatchState } from '../livepatch/patchState.ts';
import { pushFirst, pushLast, queueLength } from '../queue.ts';
import type { Context, SleepState, Wakeup } from './context.ts';
import { type Cpu, cpuOfTask } from './cpu.ts';
import {
  addTask,
  isPatchPending,
  type NewTask,
  runStateOf,
  setRest,
  setRunState,
  stopWaiting,
  type Task,
} from './task.ts';

export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** A task that runs a kernel context. */
export interface Thread {
  readonly context: Context<unknown>;
  readonly settled: (outcome: Outcome<unknown>) => void;
  wakeup: Wakeup;
}

/**
 * Adds a task that comes from outside: during a transition it is as far as a process that has just
 * come back from user space. The caller puts it on a run queue.
 */
export function createTask(kernel: Kernel, created: NewTask): Task {
  return addTask(kernel.tasks, created, {
    stack: kernel.emptyStack,
    startNs: kernel.clock.nowNs,
    patchState: arrivingPatchState(kernel),
    patchPending: false,
  });
}

/** Starts a kernel context on a task of its own, on a cpu that is idle if there is one. */
export function spawnClient<T>(
  kernel: Kernel,
  comm: string,
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
): Task {
  const cpu = chooseCpu(kernel);
  const task = createClient(kernel, { comm, kind: 'client', cpu: cpu.id }, context, settled);
  preempt(cpu);
  return task;
}

/** The same on the cpu of the current task, once that leaves it: no other cpu hears of it. */
export function spawnSuccessor<T>(
  kernel: Kernel,
  comm: string,
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
): Task {
  const { id } = cpuOfTask(kernel, kernel.current);
  return createClient(kernel, { comm, kind: 'client', cpu: id }, context, settled);
}

/** Wakes a task on a cpu that is idle if there is one, before all others there. */
export function wakeFirst(kernel: Kernel, task: Task): void {
  const { tasks } = kernel;
  const cpu = chooseCpu(kernel);
  tasks.cpu[task] = cpu.id;
  setRunState(tasks, task, 'runnable');
  pushFirst(cpu.runQueue, task);
  preempt(cpu);
}

function createClient<T>(
  kernel: Kernel,
  created: NewTask,
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
): Task {
  const task = createTask(kernel, created);
  attachThread(kernel, task, context, settled);
  pushFirst(cpuOfTask(kernel, task).runQueue, task);
  return task;
}

/** Lets a task run a context instead of its program. */
export function attachThread<T>(
  kernel: Kernel,
  task: Task,
  context: Context<T>,
  settled: (outcome: Outcome<T>) => void,
): void {
  assert(!kernel.threads.has(task), `task ${task} runs two contexts`);
  kernel.threads.set(task, {
    context,
    settled: settled as (outcome: Outcome<unknown>) => void,
    wakeup: 'woken',
  });
}

/** Makes a task runnable on its cpu. */
export function enqueueTask(kernel: Kernel, task: Task): void {
  const cpu = cpuOfTask(kernel, task);
  pushLast(cpu.runQueue, task);
  preempt(cpu);
  for (const listener of kernel.wakeListeners) listener();
}

/** try_to_wake_up(): ends a sleep; nothing happens to a task that does not sleep. */
export function wakeTask(kernel: Kernel, task: Task, wakeup: Wakeup): void {
  const state = runStateOf(kernel.tasks, task);
  if (state === 'runnable' || state === 'stopped' || state === 'zombie') return;
  setRunState(kernel.tasks, task, 'runnable');
  cancelTaskTimer(kernel, task);
  stopWaiting(kernel.tasks, task);
  const thread = kernel.threads.get(task);
  if (thread) thread.wakeup = wakeup;
  enqueueTask(kernel, task);
}

/** A stopped process goes on, on its way to user space. */
export function continueStopped(kernel: Kernel, task: Task): void {
  const { tasks } = kernel;
  tasks.stack[task] = kernel.emptyStack;
  tasks.leavingKernel[task] = 1;
  setRunState(tasks, task, 'runnable');
  enqueueTask(kernel, task);
}

/** Puts the task that runs now to sleep, until `untilNs` if given. */
export function sleepTask(
  kernel: Kernel,
  task: Task,
  state: SleepState | 'stopped',
  untilNs: number | undefined,
): void {
  setRunState(kernel.tasks, task, state);
  if (untilNs !== undefined) setTaskTimer(kernel, task, untilNs);
  cpuOfTask(kernel, task).needResched = true;
}

/** do_signal_stop(): the task that runs now stops until it is continued. */
export function stopTask(kernel: Kernel, task: Task): void {
  stopSpendingTime(kernel, cpuOfTask(kernel, task));
  sleepTask(kernel, task, 'stopped', undefined);
}

/** An interrupt: notes how much of its time the task that runs now still has to spend. */
export function stopSpendingTime(kernel: Kernel, cpu: Cpu): void {
  if (cpu.busyUntilNs === undefined) return;
  setRest(kernel.tasks, cpu.current, cpu.busyUntilNs - kernel.clock.nowNs);
  kernel.tasks.leavingKernel[cpu.current] = 1;
  cancelTaskTimer(kernel, cpu.current);
  cpu.busyUntilNs = undefined;
}

/**
 * Ends a sleep without what it waits for. A program will begin this sleep anew; other code is told
 * why it was woken.
 */
export function interruptSleep(kernel: Kernel, task: Task): void {
  if (!kernel.threads.has(task)) goBackToEntry(kernel, task);
  wakeTask(kernel, task, 'signal');
}

/** Lets a program's task leave the kernel, and enter it again for the step that it is in. */
export function goBackToEntry({ tasks, emptyStack }: Kernel, task: Task): void {
  tasks.position[task] = (tasks.position[task] ?? 0) - STEPS_BACK_TO_ENTRY;
  tasks.stack[task] = emptyStack;
  tasks.leavingKernel[task] = 1;
}

/** A sleep of a program is three instructions: enter functions, sleep, return from them. */
export const STEPS_BACK_TO_ENTRY = 2;

/** Lets the task that runs now compute until then: in user space, or in the kernel if a kthread. */
export function spendTime(kernel: Kernel, task: Task, untilNs: number): void {
  const cpu = cpuOfTask(kernel, task);
  cpu.busyUntilNs = untilNs;
  cpu.needResched ||= queueLength(cpu.runQueue) > 0;
  // Who gives way at once needs no timer: after a wakeup of many there would be one for each.
  if (!cpu.needResched) setTaskTimer(kernel, task, untilNs);
  armTick(kernel, cpu);
}

function isWantedByOthers({ runQueue, computing }: Cpu): boolean {
  return queueLength(runQueue) > 0 || queueLength(computing) > 0;
}

/** Whether an interrupt has a reason to keep a task from going on in user space. */
function hasWorkOnExit({ tasks }: Kernel, task: Task): boolean {
  return (
    isPatchPending(tasks, task) ||
    tasks.signals.has(task) ||
    tasks.notified[task] === 1 ||
    tasks.calls.has(task)
  );
}

/** An idle cpu leaves its idle loop for a moment. Source: wake_up_if_idle(). */
export function wakeIfIdle(cpu: Cpu): void {
  if (cpu.current === cpu.idle) cpu.needResched = true;
}

/** Sees to a timer interrupt where a task that computes has a reason to notice one. */
export function armTick(kernel: Kernel, cpu: Cpu): void {
  if (cpu.tick || cpu.busyUntilNs === undefined) return;
  if (!isWantedByOthers(cpu) && !hasWorkOnExit(kernel, cpu.current)) return;
  const nextJiffyNs = (Math.floor(kernel.clock.nowNs / JIFFY_NS) + 1) * JIFFY_NS;
  cpu.tick = setTimer(kernel.timers, nextJiffyNs, () => timerInterrupt(kernel, cpu));
}

function timerInterrupt(kernel: Kernel, cpu: Cpu): void {
  cpu.tick = undefined;
  if (cpu.busyUntilNs === undefined) return;
  if (isWantedByOthers(cpu)) cpu.needResched = true;
  else stopSpendingTime(kernel, cpu);
}

/** An idle cpu is woken; a task that computes gives way to the newcomer; kernel code goes on. */
function preempt(cpu: Cpu): void {
  if (cpu.current === cpu.idle || cpu.busyUntilNs !== undefined) cpu.needResched = true;
}

function chooseCpu(kernel: Kernel): Cpu {
  const chosen =
    kernel.cpus.find((cpu) => cpu.online && cpu.current === cpu.idle) ??
    kernel.cpus.find((cpu) => cpu.online && cpu.busyUntilNs !== undefined) ??
    kernel.cpus[0];
  assert(chosen, 'a machine without cpus');
  return chosen;
}

function setTaskTimer(kernel: Kernel, task: Task, untilNs: number): void {
  cancelTaskTimer(kernel, task);
  kernel.tasks.timers.set(task, setTimer(kernel.timers, untilNs, task));
}

export function cancelTaskTimer(kernel: Kernel, task: Task): void {
  const timer = kernel.tasks.timers.get(task);
  if (!timer) return;
  timer.cancelled = true;
  kernel.tasks.timers.delete(task);
}

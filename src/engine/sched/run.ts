/**
 * The machine's main loop: cpus pick tasks, tasks run until they block, time moves when all have.
 *
 * Source: kernel/sched/core.c:__schedule(), kernel/sched/idle.c:do_idle().
 */
import { assert } from '../../abi/errno.ts';
import { nextExpiryNs, popTimer } from '../clock.ts';
import type { Kernel } from '../kernel.ts';
import { updatePatchState } from '../livepatch/patchState.ts';
import type { ExitWork } from '../livepatch/semantics.ts';
import { pushLast, queueLength, takeFirst } from '../queue.ts';
import type { Suspension } from './context.ts';
import { type Cpu, cpuOfTask, TURN_STEPS } from './cpu.ts';
import { exitTask } from './exit.ts';
import { continueProgram, makeCall } from './program.ts';
import {
  type Outcome,
  sleepTask,
  spendTime,
  stopSpendingTime,
  type Thread,
  wakeTask,
} from './scheduler.ts';
import { deliverSignals, isSleepRefused } from './signal.ts';
import {
  isPatchPending,
  kindOf,
  runStateOf,
  setRest,
  stackOf,
  type Task,
  takeRest,
} from './task.ts';
import { tellWatches } from './watch.ts';

/**
 * Runs the machine until nothing is left to do before `untilNs`. Stops early when `pause` says so:
 * then the answer is false, and another call goes on from there.
 */
export function runMachine(kernel: Kernel, untilNs: number, pause: () => boolean): boolean {
  for (;;) {
    while (runSomeCpu(kernel)) if (pause()) return false;
    if (tellWatches(kernel)) continue;
    if (nextExpiryNs(kernel.timers) > untilNs) {
      kernel.clock.nowNs = Math.max(kernel.clock.nowNs, untilNs);
      return true;
    }
    expireNextTimer(kernel);
    if (pause()) return false;
  }
}

/** Whether some cpu has something to do before time may move. */
export function hasWork(kernel: Kernel): boolean {
  return kernel.cpus.some((cpu) => isBusy(cpu));
}

/** Whether the cpu has something to do before time may move. */
export function isBusy(cpu: Cpu): boolean {
  return mustSchedule(cpu) || (cpu.current !== cpu.idle && cpu.busyUntilNs === undefined);
}

function mustSchedule({ needResched, preemptCount }: Cpu): boolean {
  return needResched && preemptCount === 0;
}

function runSomeCpu(kernel: Kernel): boolean {
  const cpu = kernel.cpus.find(isOnTurn) ?? beginRound(kernel);
  if (!cpu) return false;
  cpu.turnSteps -= 1;
  stepCpu(kernel, cpu);
  return true;
}

function isOnTurn(cpu: Cpu): boolean {
  return cpu.turnSteps > 0 && isBusy(cpu);
}

/** All have had their turn: the first one that still has something to do begins again. */
function beginRound({ cpus }: Kernel): Cpu | undefined {
  for (const cpu of cpus) cpu.turnSteps = TURN_STEPS;
  return cpus.find(isBusy);
}

/** Switches to another task, or lets the one that runs do its next step. */
export function stepCpu(kernel: Kernel, cpu: Cpu): void {
  if (mustSchedule(cpu)) schedule(kernel, cpu);
  else runTask(kernel, cpu, cpu.current);
}

/**
 * Switches to the next task; to the idle task if there is none. Whoever wakes comes before those
 * that compute, as a fair scheduler has it, so that a request need not wait for time to pass.
 */
function schedule(kernel: Kernel, cpu: Cpu): void {
  cpu.needResched = false;
  const wasComputing = cpu.busyUntilNs !== undefined;
  const previous = cpu.current;
  if (previous !== cpu.idle && runStateOf(kernel.tasks, previous) === 'runnable') {
    if (wasComputing) {
      stopSpendingTime(kernel, cpu);
      pushLast(cpu.computing, previous);
    } else {
      pushLast(cpu.runQueue, previous);
    }
  }
  cpu.busyUntilNs = undefined;
  cpu.current = takeFirst(cpu.runQueue) ?? takeFirst(cpu.computing) ?? cpu.idle;
  if (cpu.current === cpu.idle && isPatchPending(kernel.tasks, cpu.idle)) {
    updatePatchState(kernel, cpu.idle);
  }
}

function runTask(kernel: Kernel, cpu: Cpu, task: Task): void {
  kernel.current = task;
  if (kernel.tasks.leavingKernel[task]) leaveKernel(kernel, task);
  else goOn(kernel, cpu, task);
  kernel.current = cpu.idle;
}

/** With what an interrupt broke off, or with the next step of what it executes. */
function goOn(kernel: Kernel, cpu: Cpu, task: Task): void {
  const remainingNs = takeRest(kernel.tasks, task);
  const thread = kernel.threads.get(task);
  if (remainingNs !== undefined) {
    spendTime(kernel, task, kernel.clock.nowNs + remainingNs);
  } else if (thread) {
    resumeThread(kernel, cpu, task, thread);
  } else {
    continueProgram(kernel, task);
  }
}

/**
 * What happens on every return to user space. A kthread that computes comes by here too where others
 * may run, and goes on; so does a process that computes inside the kernel.
 */
function leaveKernel(kernel: Kernel, task: Task): void {
  kernel.tasks.leavingKernel[task] = 0;
  const kind = kindOf(kernel.tasks, task);
  if (kind === 'kthread') kernel.semantics.condResched(kernel, task);
  const isProcess = kind === 'user';
  const runsCode = kernel.threads.has(task);
  if (runsCode && stackOf(kernel.tasks, task).depth > 0) return;
  kernel.tasks.stack[task] = kernel.emptyStack;
  if (isProcess && !doExitWork(kernel, task)) return;
  if (!runsCode) makeCall(kernel, task);
}

/** True if the process goes on to user space. Source: exit_to_user_mode_loop(). */
function doExitWork(kernel: Kernel, task: Task): boolean {
  for (const work of kernel.semantics.exitWork) {
    if (!EXIT_WORK[work](kernel, task)) return false;
  }
  return true;
}

const EXIT_WORK: Readonly<Record<ExitWork, (kernel: Kernel, task: Task) => boolean>> = {
  signals: deliverSignals,
  patch: (kernel, task) => {
    if (isPatchPending(kernel.tasks, task)) updatePatchState(kernel, task);
    return true;
  },
};

function resumeThread(kernel: Kernel, cpu: Cpu, task: Task, thread: Thread): void {
  let step: IteratorResult<Suspension, unknown>;
  try {
    step = thread.context.next(thread.wakeup);
  } catch (error) {
    endThread(kernel, task, thread, { error });
    return;
  }
  if (step.done) endThread(kernel, task, thread, { value: step.value });
  else suspendThread(kernel, cpu, task, thread, step.value);
}

/** What a refused sleep costs code of a program, so that time passes even if it tries for ever. */
const REFUSAL_NS = 1000;

function suspendThread(
  kernel: Kernel,
  cpu: Cpu,
  task: Task,
  thread: Thread,
  suspension: Suspension,
): void {
  switch (suspension.kind) {
    case 'sleep': {
      const isRefused = isSleepRefused(kernel, task, suspension.state);
      thread.wakeup = isRefused ? 'signal' : 'woken';
      if (!isRefused) sleepTask(kernel, task, suspension.state, suspension.untilNs);
      else if (isOfProgram(kernel, task)) setRest(kernel.tasks, task, REFUSAL_NS);
      return;
    }
    case 'compute':
      thread.wakeup = 'woken';
      kernel.tasks.leavingKernel[task] = 1;
      setRest(kernel.tasks, task, suspension.durationNs);
      return;
    case 'step':
      thread.wakeup = 'woken';
      return;
    case 'resched':
      cpu.needResched = queueLength(cpu.runQueue) > 0;
      cpu.turnSteps = 0;
  }
}

/** A request that was interrupted is to be answered even while time stands still. */
function isOfProgram({ tasks }: Kernel, task: Task): boolean {
  return tasks.program[task] !== undefined && !tasks.adopted.has(task);
}

function endThread(kernel: Kernel, task: Task, thread: Thread, outcome: Outcome<unknown>): void {
  kernel.threads.delete(task);
  if (kernel.tasks.program[task] === undefined) exitTask(kernel, task);
  thread.settled(outcome);
}

function expireNextTimer(kernel: Kernel): void {
  const timer = popTimer(kernel.timers);
  assert(timer, 'an expired timer that is not there');
  kernel.clock.nowNs = Math.max(kernel.clock.nowNs, timer.expiresNs);
  if (typeof timer.payload === 'function') timer.payload(kernel);
  else expireTask(kernel, timer.payload);
}

/** The end of a sleep, or of a stretch in user space. */
function expireTask(kernel: Kernel, task: Task): void {
  kernel.tasks.timers.delete(task);
  const cpu = cpuOfTask(kernel, task);
  if (cpu.current === task) cpu.busyUntilNs = undefined;
  else wakeTask(kernel, task, 'timeout');
}

/**
 * Programs: what a task does, as data.
 *
 * Steps as people write them are compiled once to flat instructions, so that a task in the middle
 * of its program is a position in a list.
 */
import { runBody } from '../call.ts';
import { emit } from '../events.ts';
import type { Code, Returned } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { type Context, isContext, type SleepState } from './context.ts';
import { enterByName, type FunctionReference, referTo } from './enter.ts';
import { exitTask, waitForChild } from './exit.ts';
import { cloneThread, forkTask } from './fork.ts';
import {
  attachThread,
  goBackToEntry,
  interruptSleep,
  STEPS_BACK_TO_ENTRY,
  sleepTask,
  spendTime,
  wakeTask,
} from './scheduler.ts';
import { isSleepRefused, killOtherThreads } from './signal.ts';
import { kindOf, pidOf, stackOf, startWaiting, type Task } from './task.ts';

export type Step =
  /** Compute: in user space, or in the kernel for a kthread. */
  | { readonly kind: 'compute'; readonly durationNs: number }
  /** Enter functions, one inside the other, and return from all. */
  | { readonly kind: 'call'; readonly functions: readonly string[] }
  /** Sleep inside functions, the outermost first; until woken unless a duration is given. */
  | {
      readonly kind: 'sleep';
      readonly functions: readonly string[];
      readonly state: SleepState;
      readonly durationNs: number | undefined;
    }
  | { readonly kind: 'wait'; readonly event: string }
  | { readonly kind: 'signal'; readonly event: string }
  | { readonly kind: 'repeat'; readonly times: number; readonly steps: readonly Step[] }
  /** Start a child process, or a thread of the same process, with a program of its own. */
  | { readonly kind: 'fork' | 'thread'; readonly comm: string; readonly steps: readonly Step[] }
  /** Wait until a child has exited, and take its zombie away; go on at once without children. */
  | { readonly kind: 'wait-child' }
  /** Code rather than data: goes on with the next step when it returns. */
  | { readonly kind: 'run'; readonly body: (kernel: Kernel) => Context }
  /** End this thread, or the process with all its threads. */
  | { readonly kind: 'exit' | 'exit-group' };

type Instruction =
  | { readonly kind: 'compute'; readonly durationNs: number }
  | { readonly kind: 'enter'; readonly functions: readonly FunctionReference[] }
  | { readonly kind: 'body' }
  | { readonly kind: 'return' }
  | { readonly kind: 'sleep'; readonly state: SleepState; readonly durationNs: number | undefined }
  | { readonly kind: 'wait'; readonly event: string }
  | { readonly kind: 'signal'; readonly event: string }
  | { readonly kind: 'repeat'; readonly times: number; readonly start: number }
  | { readonly kind: 'fork' | 'thread'; readonly comm: string; readonly program: Program }
  | { readonly kind: 'wait-child' }
  | { readonly kind: 'run'; readonly body: (kernel: Kernel) => Context }
  | { readonly kind: 'exit' | 'exit-group' };

export interface Program {
  readonly instructions: readonly Instruction[];
}

/** What one round of an endless program costs, so that time passes even if no step takes any. */
const ROUND_NS = 10_000;

/** A program runs in an endless loop unless a step ends it; without steps it sleeps. */
export function compileProgram(steps: readonly Step[]): Program {
  if (steps.length === 0) return { instructions: [] };
  const instructions: Instruction[] = [];
  for (const step of steps) compileStep(step, instructions);
  instructions.push({ kind: 'compute', durationNs: ROUND_NS });
  return { instructions };
}

function compileStep(step: Step, into: Instruction[]): void {
  switch (step.kind) {
    case 'call':
      into.push(enter(step.functions), { kind: 'body' }, { kind: 'return' });
      return;
    case 'sleep':
      into.push(
        enter(step.functions),
        { kind: 'sleep', state: step.state, durationNs: step.durationNs },
        { kind: 'return' },
      );
      return;
    case 'wait':
    case 'wait-child':
      into.push(enter(WAIT_FRAMES[step.kind]), step, { kind: 'return' });
      return;
    case 'repeat': {
      const start = into.length;
      for (const inner of step.steps) compileStep(inner, into);
      into.push({ kind: 'repeat', times: step.times, start });
      return;
    }
    case 'fork':
    case 'thread':
      into.push({ kind: step.kind, comm: step.comm, program: compileProgram(step.steps) });
      return;
    default:
      into.push(step);
  }
}

/** What a task sleeps in, the outermost first, where the machine has such functions. */
const WAIT_FRAMES = { wait: [], 'wait-child': ['kernel_wait4', 'do_wait', 'schedule'] } as const;

function enter(functions: readonly string[]): Instruction {
  return { kind: 'enter', functions: functions.map(referTo) };
}

/** Executes the next instruction of a task's program. */
export function continueProgram(kernel: Kernel, task: Task): void {
  const instructions = kernel.tasks.program[task]?.instructions ?? [];
  const position = (kernel.tasks.position[task] ?? 0) % Math.max(1, instructions.length);
  const instruction = instructions[position];
  kernel.tasks.position[task] = position + 1;
  if (instruction) execute(kernel, task, instruction);
  else sleepTask(kernel, task, 'interruptible', undefined);
}

/** Whether the task is in a step that is code, which nothing can be put into. */
export function isRunningCode({ tasks, threads }: Kernel, task: Task): boolean {
  const executed = tasks.program[task]?.instructions[(tasks.position[task] ?? 0) - 1];
  return threads.has(task) && executed?.kind === 'run';
}

function execute(kernel: Kernel, task: Task, instruction: Instruction): void {
  switch (instruction.kind) {
    case 'compute':
      spendTime(kernel, task, kernel.clock.nowNs + instruction.durationNs);
      return;
    case 'enter':
      for (const reference of instruction.functions) enterByName(kernel, task, reference);
      return;
    case 'body':
      runInnermost(kernel, task, (result) => {
        if (isRestarted(kernel, task, result)) goBackToEntry(kernel, task);
      });
      return;
    case 'return':
      kernel.tasks.stack[task] = kernel.emptyStack;
      kernel.tasks.leavingKernel[task] = 1;
      return;
    case 'sleep':
      sleepUnlessSignalled(kernel, task, instruction);
      return;
    case 'wait':
      waitForEvent(kernel, task, instruction.event);
      return;
    case 'signal':
      signalEvent(kernel, instruction.event);
      return;
    case 'repeat':
      repeat(kernel, task, instruction.times, instruction.start);
      return;
    case 'fork':
    case 'thread':
      copyUnlessSignalled(kernel, task, instruction);
      return;
    case 'wait-child':
      if (isSleepRefused(kernel, task, 'interruptible')) goBackToEntry(kernel, task);
      else waitForChild(kernel, task);
      return;
    case 'run':
      attachThread(kernel, task, instruction.body(kernel), (outcome) => {
        if ('error' in outcome) reportBug(kernel, task, outcome.error);
      });
      return;
    case 'exit-group':
      killOtherThreads(kernel, task);
      exitTask(kernel, task);
      return;
    case 'exit':
      exitTask(kernel, task);
  }
}

/** A call that somebody else asked for, made as a system call of its own. */
export function makeCall(kernel: Kernel, task: Task): void {
  const [name, ...others] = kernel.tasks.calls.get(task) ?? [];
  if (name === undefined) return;
  if (others.length > 0) kernel.tasks.calls.set(task, others);
  else kernel.tasks.calls.delete(task);
  enterByName(kernel, task, referTo(name));
  runInnermost(kernel, task, () => (kernel.tasks.leavingKernel[task] = 1));
}

/** Runs what the innermost function does; one that sleeps takes over the task until it returns. */
function runInnermost(
  kernel: Kernel,
  task: Task,
  returned: (result: Returned | undefined) => void,
): void {
  const { code } = stackOf(kernel.tasks, task);
  const answer = code && runBody(kernel, code);
  if (answer === undefined || !isContext(answer)) {
    returned(answer);
    return;
  }
  attachThread(kernel, task, answer, (outcome) => {
    if ('error' in outcome) reportBug(kernel, task, outcome.error);
    returned('error' in outcome ? undefined : outcome.value);
  });
}

/** ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK. Source: include/linux/errno.h. */
const RESTARTS: readonly unknown[] = [-512, -513, -514, -516];

/**
 * Whether a system call that returns this begins anew once its signal has been taken: programs have
 * no handlers, for which it might not.
 *
 * Source: arch/x86/kernel/signal.c:arch_do_signal_or_restart().
 */
function isRestarted(kernel: Kernel, task: Task, result: Returned | undefined): boolean {
  return (
    RESTARTS.includes(result) &&
    kindOf(kernel.tasks, task) === 'user' &&
    isSleepRefused(kernel, task, 'interruptible')
  );
}

/** fork(2) with a signal pending begins anew after it. Source: copy_process(). */
function copyUnlessSignalled(
  kernel: Kernel,
  task: Task,
  instruction: Extract<Instruction, { kind: 'fork' | 'thread' }>,
): void {
  const { tasks } = kernel;
  if (tasks.signals.has(task)) {
    tasks.position[task] = (tasks.position[task] ?? 0) - 1;
    tasks.leavingKernel[task] = 1;
  } else if (instruction.kind === 'fork') {
    forkTask(kernel, task, instruction);
  } else {
    cloneThread(kernel, task, instruction);
  }
}

function reportBug(kernel: Kernel, task: Task, error: unknown): void {
  emit(kernel, { type: 'bug', where: `task ${pidOf(kernel.tasks, task)}`, error });
}

function sleepUnlessSignalled(
  kernel: Kernel,
  task: Task,
  { state, durationNs }: Extract<Instruction, { kind: 'sleep' }>,
): void {
  if (isSleepRefused(kernel, task, state)) {
    goBackToEntry(kernel, task);
    return;
  }
  const untilNs = durationNs === undefined ? undefined : kernel.clock.nowNs + durationNs;
  const lacking = sleepFunctions(kernel, task).some(({ code }) => !code);
  if (lacking) startWaiting(kernel.tasks, task, kernel.tasks.outside);
  sleepTask(kernel, task, state, untilNs);
}

/** Those that the sleep which the task is in has entered, or was to enter. */
function sleepFunctions({ tasks }: Kernel, task: Task): readonly FunctionReference[] {
  const entry = (tasks.position[task] ?? 0) - STEPS_BACK_TO_ENTRY;
  const instruction = tasks.program[task]?.instructions[entry];
  return instruction?.kind === 'enter' ? instruction.functions : [];
}

/** Functions have come: sleeps that lacked one of them begin anew, and enter it. */
export function enterNewFunctions(kernel: Kernel, codes: Iterable<Code>): void {
  const names = new Set<string>();
  for (const { name } of codes) names.add(name);
  for (const task of [...kernel.tasks.outside]) {
    const isAwaited = ({ code, name }: FunctionReference) => !code && names.has(name);
    if (sleepFunctions(kernel, task).some(isAwaited)) interruptSleep(kernel, task);
  }
}

function waitForEvent(kernel: Kernel, task: Task, name: string): void {
  const event = eventNamed(kernel, name);
  if (event.signalled) return;
  if (isSleepRefused(kernel, task, 'interruptible')) {
    goBackToEntry(kernel, task);
    return;
  }
  startWaiting(kernel.tasks, task, event.waiters);
  sleepTask(kernel, task, 'interruptible', undefined);
}

/** Once signalled, an event stays so: whoever waits for it later goes on at once. */
function signalEvent(kernel: Kernel, name: string): void {
  const event = eventNamed(kernel, name);
  event.signalled = true;
  for (const task of [...event.waiters]) wakeTask(kernel, task, 'woken');
}

function eventNamed(kernel: Kernel, name: string) {
  const event = kernel.events.get(name) ?? { signalled: false, waiters: new Set() };
  kernel.events.set(name, event);
  return event;
}

function repeat(kernel: Kernel, task: Task, times: number, start: number): void {
  const { position, rounds } = kernel.tasks;
  const here = position[task] ?? 0;
  const counters = rounds.get(task) ?? new Map<number, number>();
  const done = (counters.get(here) ?? 0) + 1;
  if (done < times) {
    counters.set(here, done);
    position[task] = start;
  } else {
    counters.delete(here);
  }
  rounds.set(task, counters);
}

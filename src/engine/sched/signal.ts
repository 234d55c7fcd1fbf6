/**
 * Signals: what they do to processes, and when.
 *
 * A signal is for a whole process: each thread has it queued, and it takes effect when that thread
 * is about to return to user space. An interruptible sleep ends for it, and the system call begins
 * anew afterwards. Programs have no handlers, so each signal does what it does by default. Kthreads
 * take none.
 *
 * Source: kernel/signal.c:complete_signal(), get_signal(), do_signal_stop().
 */
import { KernelError } from '../../abi/errno.ts';
import { lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import type { SleepState } from './context.ts';
import { cpuOfTask } from './cpu.ts';
import { exitTask } from './exit.ts';
import { threadsOf } from './family.ts';
import { continueStopped, interruptSleep, stopSpendingTime, stopTask } from './scheduler.ts';
import { pushFrame } from './stack.ts';
import { kindOf, runStateOf, stackOf, type Task, tgidOf } from './task.ts';

type Action = 'terminate' | 'stop' | 'continue' | 'ignore';

interface Signal {
  readonly name: string;
  readonly number: number;
  readonly action: Action;
}

// biome-ignore format: the columns are the point
const SIGNALS: readonly Signal[] = [
  { name: 'HUP',  number: 1,  action: 'terminate' }, { name: 'INT',   number: 2,  action: 'terminate' },
  { name: 'QUIT', number: 3,  action: 'terminate' }, { name: 'KILL',  number: 9,  action: 'terminate' },
  { name: 'USR1', number: 10, action: 'terminate' }, { name: 'USR2',  number: 12, action: 'terminate' },
  { name: 'PIPE', number: 13, action: 'terminate' }, { name: 'ALRM',  number: 14, action: 'terminate' },
  { name: 'TERM', number: 15, action: 'terminate' }, { name: 'CHLD',  number: 17, action: 'ignore'    },
  { name: 'CONT', number: 18, action: 'continue'  }, { name: 'STOP',  number: 19, action: 'stop'      },
  { name: 'TSTP', number: 20, action: 'stop'      }, { name: 'TTIN',  number: 21, action: 'stop'      },
  { name: 'TTOU', number: 22, action: 'stop'      }, { name: 'URG',   number: 23, action: 'ignore'    },
  { name: 'WINCH', number: 28, action: 'ignore'   },
];

export const SIGNAL_NAMES = SIGNALS.map(({ name }) => name);

/** init ignores what it has no handler for. Source: SIGNAL_UNKILLABLE. */
const INIT_PID = 1;

/**
 * kill(2) for the process of the task. The signal is a name, with or without `SIG` or a dash, or a number.
 *
 * @throws KernelError EINVAL for a signal that there is not.
 */
export function sendSignal(kernel: Kernel, task: Task, signal: string): void {
  const known = findSignal(signal);
  const isInit = tgidOf(kernel.tasks, task) === INIT_PID;
  if (known.action === 'ignore' || kindOf(kernel.tasks, task) !== 'user' || isInit) return;
  for (const thread of threadsOf(kernel.tasks, task)) signalThread(kernel, thread, known);
}

/** The lowest is taken first. Source: next_signal(). */
function byNumber(a: string, b: string): number {
  return findSignal(a).number - findSignal(b).number;
}

/**
 * Gets one thread out of an interruptible sleep without a signal: its system call begins anew.
 *
 * Source: include/linux/sched/signal.h:set_notify_signal() of 5.11 and later.
 */
export function notifySignal(kernel: Kernel, task: Task): void {
  kernel.tasks.notified[task] = 1;
  if (runStateOf(kernel.tasks, task) === 'interruptible') interruptSleep(kernel, task);
  else kickTask(kernel, task);
}

/** Ends the other threads of the process of the task that runs now. Source: zap_other_threads(). */
export function killOtherThreads(kernel: Kernel, task: Task): void {
  const others = threadsOf(kernel.tasks, task).filter((thread) => thread !== task);
  for (const thread of others) signalThread(kernel, thread, findSignal('KILL'));
}

function signalThread(kernel: Kernel, task: Task, signal: Signal): void {
  if (runStateOf(kernel.tasks, task) === 'zombie') return;
  if (signal.action === 'continue') {
    continueTask(kernel, task);
    return;
  }
  const pending = kernel.tasks.signals.get(task) ?? [];
  if (!pending.includes(signal.name)) {
    kernel.tasks.signals.set(task, [...pending, signal.name].sort(byNumber));
  }
  wakeForSignal(kernel, task, signal);
}

/** signal_pending_state(): whether a sleep of this kind is over before it begins. */
export function isSleepRefused({ tasks }: Kernel, task: Task, state: SleepState): boolean {
  const pending = tasks.signals.get(task) ?? [];
  if (state === 'interruptible') {
    return pending.length > 0 || tasks.notified[task] === 1 || tasks.calls.has(task);
  }
  return state === 'killable' && pending.some((name) => findSignal(name).action === 'terminate');
}

/** True if the process goes on to user space; false if it has ended, or stopped. */
export function deliverSignals(kernel: Kernel, task: Task): boolean {
  const [first, ...rest] = kernel.tasks.signals.get(task) ?? [];
  kernel.tasks.notified[task] = 0;
  if (first === undefined) return true;
  if (findSignal(first).action === 'terminate') {
    exitTask(kernel, task);
    return false;
  }
  if (rest.length > 0) kernel.tasks.signals.set(task, rest);
  else kernel.tasks.signals.delete(task);
  stopTask(kernel, task);
  for (const name of STOP_FRAMES) {
    const code = lookupName(kernel.kallsyms, name);
    if (code) kernel.tasks.stack[task] = pushFrame(stackOf(kernel.tasks, task), code);
  }
  return false;
}

/** Where a stopped process is, the outermost first. */
const STOP_FRAMES = ['exit_to_usermode_loop', 'do_signal', 'get_signal', 'do_signal_stop'] as const;

function wakeForSignal(kernel: Kernel, task: Task, { name, action }: Signal): void {
  const state = runStateOf(kernel.tasks, task);
  const isFatal = action === 'terminate';
  if (state === 'interruptible' || (state === 'killable' && isFatal)) interruptSleep(kernel, task);
  else if (state === 'stopped' && name === 'KILL') continueStopped(kernel, task);
  else kickTask(kernel, task);
}

/** Whoever computes is interrupted at once. Source: kick_process(). */
function kickTask(kernel: Kernel, task: Task): void {
  const cpu = cpuOfTask(kernel, task);
  if (cpu.current === task) stopSpendingTime(kernel, cpu);
}

/** A stopped process goes on, on its way to user space; stops that were queued are forgotten. */
function continueTask(kernel: Kernel, task: Task): void {
  const { tasks } = kernel;
  const kept = (tasks.signals.get(task) ?? []).filter((name) => findSignal(name).action !== 'stop');
  if (kept.length > 0) tasks.signals.set(task, kept);
  else tasks.signals.delete(task);
  if (runStateOf(tasks, task) === 'stopped') continueStopped(kernel, task);
}

function findSignal(signal: string): Signal {
  const wanted = signal.toUpperCase().replace(/^-/, '').replace(/^SIG/, '');
  const known = SIGNALS.find(({ name, number }) => name === wanted || String(number) === wanted);
  if (!known) throw new KernelError('EINVAL', `there is no signal '${signal}'`);
  return known;
}

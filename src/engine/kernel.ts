/**
 * The kernel as a value: everything that a running machine is, and nothing outside of it.
 *
 * Functions take the kernel first and change it in place; a test can boot a thousand of them.
 */
import type { Release } from '../abi/release.ts';
import type { Clock, TimerQueue } from './clock.ts';
import type { DynamicDebug } from './dynamicDebug/sites.ts';
import type { KernelEvent } from './events.ts';
import type { Ftrace } from './ftrace/ftrace.ts';
import type { Kprobes } from './ftrace/kprobes.ts';
import type { Trace } from './ftrace/trace.ts';
import type { Kallsyms } from './kallsyms.ts';
import type { KobjectDirectory } from './kobject.ts';
import type { LivepatchState } from './livepatch/model.ts';
import type { Semantics } from './livepatch/semantics.ts';
import type { ModuleRegistry } from './module/model.ts';
import type { Pointers } from './pointer.ts';
import type { KernelLog } from './printk.ts';
import type { ProcEntries } from './procEntries.ts';
import type { Cpu } from './sched/cpu.ts';
import type { Kthread } from './sched/kthread.ts';
import type { Thread } from './sched/scheduler.ts';
import type { Stack } from './sched/stack.ts';
import type { Task, TaskTable } from './sched/task.ts';
import type { Watch } from './sched/watch.ts';
import type { WorkerPool } from './sched/workqueue.ts';

/** A task to wake, or something to do. */
export type TimerPayload = Task | ((kernel: Kernel) => void);

/** What never changes while the machine runs. */
export interface KernelConfig {
  readonly release: Release;
  /** `uname -r`. */
  readonly version: string;
  /** /proc/cmdline, as the boot loader gave it. */
  readonly cmdline: string;
  /** HAVE_RELIABLE_STACKTRACE: whether the stacks of sleeping tasks can be trusted. */
  readonly reliableStacktrace: boolean;
}

export interface Kernel {
  readonly config: KernelConfig;
  readonly semantics: Semantics;
  readonly clock: Clock;
  readonly timers: TimerQueue<TimerPayload>;
  /** What is looked at before time moves. */
  readonly watches: Set<Watch>;
  readonly tasks: TaskTable;
  readonly emptyStack: Stack;
  readonly cpus: readonly Cpu[];
  /** Tasks that run a kernel context rather than a program. */
  readonly threads: Map<Task, Thread>;
  /** Those that modules have started. */
  readonly kthreads: Map<Task, Kthread>;
  readonly workerPools: readonly WorkerPool[];
  readonly events: Map<string, EventState>;
  readonly kallsyms: Kallsyms;
  readonly ftrace: Ftrace;
  readonly trace: Trace;
  readonly kprobes: Kprobes;
  readonly modules: ModuleRegistry;
  readonly livepatch: LivepatchState;
  /** /sys/kernel/livepatch, /sys/module, and what modules have made in /sys/kernel. */
  readonly livepatchDirectory: KobjectDirectory;
  readonly moduleDirectory: KobjectDirectory;
  readonly kernelDirectory: KobjectDirectory;
  readonly procEntries: ProcEntries;
  readonly log: KernelLog;
  /** How addresses look to those who may not know them. */
  readonly pointers: Pointers;
  readonly dynamicDebug: DynamicDebug;
  /** Told of events, after the log. They may not call back into the kernel. */
  readonly listeners: ((event: KernelEvent) => void)[];
  /** Told of what a pass finds out about each single task, which may be a million events. */
  readonly taskListeners: ((event: KernelEvent) => void)[];
  /** Told that a task has become runnable: whoever drives the machine may be at rest. */
  readonly wakeListeners: (() => void)[];
  /** The task on whose behalf code runs now: `current`. */
  current: Task;
}

/** What `wait_for` and `signal_event` of task programs share. */
export interface EventState {
  signalled: boolean;
  readonly waiters: Set<Task>;
}

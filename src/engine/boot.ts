/** From a description to a running kernel. Source: init/main.c. */
import { createTimerQueue, HZ, roundJiffiesRelativeNs } from './clock.ts';
import { createDynamicDebug } from './dynamicDebug/sites.ts';
import { emit } from './events.ts';
import { createFtrace } from './ftrace/ftrace.ts';
import { createKprobes } from './ftrace/kprobes.ts';
import { createTrace } from './ftrace/trace.ts';
import { addSymbols, createKallsyms, type FunctionDefinition } from './kallsyms.ts';
import type { Kernel, KernelConfig } from './kernel.ts';
import { createKobject } from './kobject.ts';
import { createLivepatchState } from './livepatch/model.ts';
import { semanticsOf } from './livepatch/semantics.ts';
import { createModuleRegistry, type ModuleDefinition } from './module/model.ts';
import { createPointers } from './pointer.ts';
import { createKernelLog, LOG_LEVEL } from './printk.ts';
import { createQueue } from './queue.ts';
import { createRandom } from './random.ts';
import { type Cpu, TURN_STEPS } from './sched/cpu.ts';
import { type InterruptDefinition, scheduleInterrupt } from './sched/interrupt.ts';
import { createEmptyStack } from './sched/stack.ts';
import { startTasks, type TaskDefinition } from './sched/start.ts';
import { addTask, createTaskTable, findTask, IDLE, type TaskTable } from './sched/task.ts';
import { createWorker, createWorkerPool, queueDelayedWork } from './sched/workqueue.ts';
import { bannerOf, ownFunctionsOf } from './vmlinux.ts';

export interface BootOptions {
  readonly config: KernelConfig;
  readonly cpus: number;
  /** All that chance decides comes from it. */
  readonly seed: number;
  readonly bootTimeMs: number;
  /** Functions of vmlinux beyond those that klpfs itself needs. */
  readonly functions: readonly FunctionDefinition[];
  /** Modules that insmod finds. */
  readonly modules: readonly ModuleDefinition[];
  readonly tasks: readonly TaskDefinition[];
  readonly interrupts: readonly InterruptDefinition[];
}

/** kworkers that a cpu begins with; more are made when these are busy. */
const WORKERS_PER_CPU = 2;
/** The first pid that a kthread of the kernel's own can have, after init and kthreadd. */
const FIRST_KTHREAD_PID = 3;

export function bootKernel(options: BootOptions): Kernel {
  const tasks = createTaskTable();
  const emptyStack = createEmptyStack();
  const cpus = Array.from({ length: options.cpus }, (_, id) => createCpu(tasks, emptyStack, id));
  const kernel: Kernel = {
    config: options.config,
    semantics: semanticsOf(options.config.release),
    clock: { nowNs: 0, bootTimeMs: options.bootTimeMs },
    timers: createTimerQueue(),
    watches: new Set(),
    tasks,
    emptyStack,
    cpus,
    threads: new Map(),
    kthreads: new Map(),
    workerPools: cpus.map(({ id }) => createWorkerPool(id)),
    events: new Map(),
    kallsyms: createKallsyms(createRandom(options.seed)),
    ftrace: createFtrace(),
    trace: createTrace(options.cpus),
    kprobes: createKprobes(options.config.release),
    modules: createModuleRegistry(options.modules, options.config.release),
    livepatch: createLivepatchState(),
    livepatchDirectory: createKobject('livepatch', { kind: 'livepatch' }),
    moduleDirectory: createKobject('module', { kind: 'modules' }),
    kernelDirectory: createKobject('kernel', { kind: 'kernel' }),
    procEntries: new Map(),
    log: createKernelLog(options.config.cmdline),
    pointers: createPointers(options.seed),
    dynamicDebug: createDynamicDebug(options.config.release),
    listeners: [],
    taskListeners: [],
    wakeListeners: [],
    current: cpus[0]?.idle ?? 0,
  };
  emit(kernel, { type: 'printk', level: LOG_LEVEL.notice, text: bannerOf(options.config.version) });
  emit(kernel, {
    type: 'printk',
    level: LOG_LEVEL.info,
    text: `Command line: ${options.config.cmdline}`,
  });
  addSymbols(kernel.kallsyms, undefined, [
    ...ownFunctionsOf(options.config.release),
    ...options.functions,
  ]);
  startTasks(kernel, options.tasks);
  for (const cpu of cpus) startKthreads(kernel, cpu);
  for (const interrupt of options.interrupts) scheduleInterrupt(kernel, interrupt);
  return kernel;
}

function createCpu(tasks: TaskTable, stack: Kernel['emptyStack'], id: number): Cpu {
  const comm = `swapper/${id}`;
  const birth = { stack, startNs: 0, patchState: IDLE, patchPending: false } as const;
  const idle = addTask(tasks, { comm, kind: 'idle', pid: 0, cpu: id }, birth);
  return {
    id,
    idle,
    online: true,
    current: idle,
    runQueue: createQueue(),
    computing: createQueue(),
    needResched: false,
    preemptCount: 0,
    rcuWatching: true,
    busyUntilNs: undefined,
    tick: undefined,
    turnSteps: TURN_STEPS,
  };
}

function startKthreads(kernel: Kernel, cpu: Cpu): void {
  const pool = kernel.workerPools[cpu.id];
  if (!pool) return;
  for (let made = 0; made < WORKERS_PER_CPU; made += 1) {
    createWorker(kernel, pool, lowestFreePid(kernel));
  }
  scheduleVmstatUpdate(kernel, cpu);
}

/**
 * Once a second each cpu folds its counters: the work that gets an otherwise idle cpu out of its
 * idle loop. Source: mm/vmstat.c:vmstat_update().
 */
function scheduleVmstatUpdate(kernel: Kernel, cpu: Cpu): void {
  const delayNs = roundJiffiesRelativeNs(kernel.clock, HZ, cpu.id);
  queueDelayedWork(kernel, cpu.id, delayNs, () => scheduleVmstatUpdate(kernel, cpu));
}

function lowestFreePid(kernel: Kernel): number {
  let pid = FIRST_KTHREAD_PID;
  while (findTask(kernel.tasks, pid) !== undefined) pid += 1;
  return pid;
}

/**
 * Work queues: contexts that run on kworker tasks, at once or later.
 *
 * Source: kernel/workqueue.c.
 */
import { assert } from '../../abi/errno.ts';
import { setTimer } from '../clock.ts';
import { emit } from '../events.ts';
import { lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { type Answer, type Context, settle } from './context.ts';
import { BOOT_CPU, type Cpu } from './cpu.ts';
import { attachThread, createTask, enqueueTask, wakeTask } from './scheduler.ts';
import { pushFrame } from './stack.ts';
import { pidOf, runStateOf, stackOf, type Task } from './task.ts';
import { createWaitQueue, waitOn, wakeAll } from './wait.ts';

type Work = () => Answer<void>;

/** The kworkers of one cpu. A work item that blocks holds up its own worker only. */
export interface WorkerPool {
  readonly cpu: number;
  readonly pending: Work[];
  readonly idle: Task[];
  /** How many workers were made so far: the M of kworker/N:M. */
  made: number;
}

/** What every worker executes, the outermost first, where the machine has such functions. */
const WORKER_FRAMES = ['kthread', 'worker_thread'] as const;

export function createWorkerPool(cpu: number): WorkerPool {
  return { cpu, pending: [], idle: [], made: 0 };
}

/** queue_work_on(): runs the work on that cpu as soon as one of its workers gets to it. */
export function queueWork(kernel: Kernel, cpu: number, work: Work): void {
  const pool = kernel.workerPools[kernel.cpus[cpu]?.online ? cpu : BOOT_CPU];
  assert(pool, 'every cpu has workers');
  pool.pending.push(work);
  const worker = pool.idle.shift() ?? createWorker(kernel, pool);
  // rebind_workers(): it may have been elsewhere while its cpu was offline, and may still run there.
  if (runStateOf(kernel.tasks, worker) !== 'runnable') kernel.tasks.cpu[worker] = pool.cpu;
  wakeTask(kernel, worker, 'woken');
}

/** queue_delayed_work_on(). */
export function queueDelayedWork(kernel: Kernel, cpu: number, delayNs: number, work: Work): void {
  setTimer(kernel.timers, kernel.clock.nowNs + delayNs, () => queueWork(kernel, cpu, work));
}

/** schedule_on_each_cpu(): runs the work on every online cpu and waits until all are done. */
export function runOnEachCpu(kernel: Kernel, work: Work): Context {
  return runOnCpus(kernel, kernel.cpus, work);
}

/** Runs the work on those of the cpus that are online and waits until all are done. */
export function* runOnCpus(kernel: Kernel, cpus: readonly Cpu[], work: Work): Context {
  const finished = createWaitQueue();
  const online = cpus.filter((cpu) => cpu.online);
  let outstanding = online.length;
  for (const cpu of online) {
    queueWork(kernel, cpu.id, function* onThisCpu() {
      yield* settle(work());
      outstanding -= 1;
      if (outstanding === 0) wakeAll(kernel, finished);
    });
  }
  while (outstanding > 0) yield* waitOn(kernel, finished, 'uninterruptible');
}

/** Adds a worker to a pool; it sleeps until there is work. */
export function createWorker(kernel: Kernel, pool: WorkerPool, pid?: number): Task {
  const worker = createTask(kernel, {
    comm: `kworker/${pool.cpu}:${pool.made}`,
    kind: 'kthread',
    cpu: pool.cpu,
    pid,
  });
  pool.made += 1;
  for (const name of WORKER_FRAMES) {
    const code = lookupName(kernel.kallsyms, name);
    if (code) kernel.tasks.stack[worker] = pushFrame(stackOf(kernel.tasks, worker), code);
  }
  attachThread(kernel, worker, workerThread(kernel, pool, worker), () => {});
  enqueueTask(kernel, worker);
  return worker;
}

/** A work item that fails is our bug, or a module's: the worker goes on with the next. */
function* workerThread(kernel: Kernel, pool: WorkerPool, worker: Task): Context {
  for (;;) {
    const work = pool.pending.shift();
    if (!work) {
      if (!pool.idle.includes(worker)) pool.idle.push(worker);
      yield { kind: 'sleep', state: 'interruptible' };
      continue;
    }
    try {
      yield* settle(work());
    } catch (error) {
      emit(kernel, { type: 'bug', where: `kworker ${pidOf(kernel.tasks, worker)}`, error });
    }
  }
}

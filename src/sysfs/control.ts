/** The verbs of control/ that the kernel alone can carry out. */
import { KernelError } from '../abi/errno.ts';
import type { Kernel } from '../engine/kernel.ts';
import { parseArguments } from '../engine/module/arguments.ts';
import { loadModule, removeModule } from '../engine/module/loader.ts';
import { moduleName } from '../engine/module/model.ts';
import { callByRequest, endTask, forkByRequest } from '../engine/sched/ask.ts';
import type { Context } from '../engine/sched/context.ts';
import { setCpuOnline } from '../engine/sched/hotplug.ts';
import { interruptByRequest } from '../engine/sched/interrupt.ts';
import { wakeTask } from '../engine/sched/scheduler.ts';
import { sendSignal } from '../engine/sched/signal.ts';
import { commOf, findTask, pidOf, type Task } from '../engine/sched/task.ts';
import { LINE_BYTES, RequestError, type Verb } from './controlFile.ts';
import { showModules } from './moduleQuery.ts';
import { showMutex, showTasks, showTransition } from './taskQueries.ts';

export const kernelVerbs: readonly Verb[] = [
  {
    name: 'insmod',
    show: ({ modules }) =>
      `write: NAME [PARAMETER=VALUE ...]\nmodules: ${[...modules.available.keys()].sort().join(' ')}\n`,
    execute: insmod,
    maxBytes: LINE_BYTES,
  },
  { name: 'rmmod', show: () => 'write: NAME\n', execute: rmmod, maxBytes: LINE_BYTES },
  { name: 'wake', show: () => 'write: PID\n', execute: wake, maxBytes: LINE_BYTES },
  { name: 'kill', show: () => 'write: SIGNAL PID\n', execute: kill, maxBytes: LINE_BYTES },
  { name: 'exit', show: () => 'write: PID\n', execute: exit, maxBytes: LINE_BYTES },
  { name: 'fork', show: () => 'write: PID\n', execute: fork, maxBytes: LINE_BYTES },
  { name: 'call', show: () => 'write: PID FUNCTION\n', execute: call, maxBytes: LINE_BYTES },
  { name: 'irq', show: () => 'write: CPU FUNCTION ...\n', execute: irq, maxBytes: LINE_BYTES },
  { name: 'cpu', show: describeCpus, execute: cpu, maxBytes: LINE_BYTES },
  { name: 'tasks', show: showTasks, maxBytes: 0 },
  { name: 'modules', show: showModules, maxBytes: 0 },
  { name: 'transition', show: showTransition, maxBytes: 0 },
  { name: 'klp_mutex', show: showMutex, maxBytes: 0 },
];

function* insmod(kernel: Kernel, request: string): Context {
  const [name] = words(request, 'NAME [PARAMETER=VALUE ...]');
  const { available } = kernel.modules;
  if (!available.has(moduleName(name))) {
    const known = [...available.keys()].sort().join(', ') || 'none';
    throw new RequestError('ENOENT', `there is no module '${name}'; available: ${known}`);
  }
  const options = request.trim().slice(name.length);
  yield* loadModule(kernel, name, parseArguments(options));
}

function* rmmod(kernel: Kernel, request: string): Context {
  const [name, ...more] = words(request, 'NAME');
  if (more.length > 0) throw new RequestError('EINVAL', 'one module at a time: NAME');
  yield* removeModule(kernel, name);
}

/** try_to_wake_up() of a sleeping task: its sleep ends as if what it waits for had come. */
function wake(kernel: Kernel, request: string): void {
  const [pid] = words(request, 'PID');
  wakeTask(kernel, requireTask(kernel, pid), 'woken');
}

/** kill(2). */
function kill(kernel: Kernel, request: string): void {
  const [signal, pid = ''] = words(request, 'SIGNAL PID');
  const task = requireOwnTask(kernel, pid);
  understood(() => sendSignal(kernel, task, signal));
}

/** do_exit(), from wherever the task is. */
function exit(kernel: Kernel, request: string): void {
  const [pid] = words(request, 'PID');
  const task = requireOwnTask(kernel, pid);
  understood(() => endTask(kernel, task));
}

function fork(kernel: Kernel, request: string): void {
  const [pid] = words(request, 'PID');
  const task = requireOwnTask(kernel, pid);
  understood(() => forkByRequest(kernel, task));
}

function call(kernel: Kernel, request: string): void {
  const [pid, name = ''] = words(request, 'PID FUNCTION');
  const task = requireTask(kernel, pid);
  understood(() => callByRequest(kernel, task, name));
}

/** An interrupt whose handler calls the functions, one inside the other. */
function* irq(kernel: Kernel, request: string): Context {
  const [id, ...functions] = words(request, 'CPU FUNCTION ...');
  if (!/^\d+$/.test(id) || functions.length === 0) {
    throw new RequestError('EINVAL', 'expected CPU FUNCTION ...');
  }
  yield* understoodContext(interruptByRequest(kernel, Number(id), functions));
}

/** /sys/devices/system/cpu/cpuN/online. */
function* cpu(kernel: Kernel, request: string): Context {
  const match = /^(\d+) (on|off)\s*$/.exec(request);
  if (!match) throw new RequestError('EINVAL', 'expected N on|off');
  yield* understoodContext(setCpuOnline(kernel, Number(match[1]), match[2] === 'on'));
}

/** With what each of them runs now; a name may have any characters. */
function describeCpus({ cpus, tasks }: Kernel): string {
  const lines = cpus.map(({ id, online, current, idle }) => {
    if (!online) return `cpu ${id}: offline\n`;
    if (current === idle) return `cpu ${id}: online, idle\n`;
    const comm = JSON.stringify(commOf(tasks, current));
    return `cpu ${id}: online, runs ${comm} (${pidOf(tasks, current)})\n`;
  });
  return `write: N on|off\n${lines.join('')}`;
}

/** A process of the host ends, forks and takes signals out there. */
function requireOwnTask(kernel: Kernel, pid: string): Task {
  const task = requireTask(kernel, pid);
  if (!kernel.tasks.adopted.has(task)) return task;
  throw new RequestError(
    'EPERM',
    `${pid} is a process of the host: what it does is up to the host`,
  );
}

function requireTask({ tasks }: Kernel, pid: string): Task {
  const task = findTask(tasks, Number(pid));
  if (task === undefined) throw new RequestError('ESRCH', `there is no process '${pid}'`);
  return task;
}

/** What is wrong with a request that only the front panel knows is said in the log. */
function understood(act: () => void): void {
  try {
    act();
  } catch (error) {
    throw asRequestError(error);
  }
}

function* understoodContext(acting: Context): Context {
  try {
    yield* acting;
  } catch (error) {
    throw asRequestError(error);
  }
}

function asRequestError(error: unknown): unknown {
  return error instanceof KernelError ? new RequestError(error.code, error.message) : error;
}

function words(request: string, usage: string): [string, ...string[]] {
  const [first, ...rest] = request.trim().split(/\s+/);
  if (!first) throw new RequestError('EINVAL', `nothing was written; expected ${usage}`);
  return [first, ...rest];
}

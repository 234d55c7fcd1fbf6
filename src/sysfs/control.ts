/** The verbs of control/ that the kernel alone can carry out. */
import { KernelError } from '../abi/errno.ts';
import { NS_PER_MS, NS_PER_SECOND, NS_PER_US } from '../engine/clock.ts';
import type { Kernel } from '../engine/kernel.ts';
import { explainTransition } from '../engine/livepatch/explain.ts';
import { patchName } from '../engine/livepatch/model.ts';
import { type Argument, loadModule, removeModule } from '../engine/module/loader.ts';
import { moduleName } from '../engine/module/model.ts';
import { callByRequest, endTask, forkByRequest } from '../engine/sched/ask.ts';
import type { Context } from '../engine/sched/context.ts';
import { setCpuOnline } from '../engine/sched/hotplug.ts';
import { interruptByRequest } from '../engine/sched/interrupt.ts';
import { wakeTask } from '../engine/sched/scheduler.ts';
import { sendSignal } from '../engine/sched/signal.ts';
import { framesOf } from '../engine/sched/stack.ts';
import {
  commOf,
  cpuOf,
  findTask,
  kindOf,
  patchStateOf,
  pidOf,
  runStateOf,
  stackOf,
  type Task,
  tgidOf,
} from '../engine/sched/task.ts';
import { LINE_BYTES, RequestError, type Verb } from './controlFile.ts';
import { listShownTasks } from './proc.ts';

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
  { name: 'tasks', show: describeTasks, maxBytes: 0 },
  { name: 'transition', show: describeTransition, maxBytes: 0 },
];

function* insmod(kernel: Kernel, request: string): Context {
  const [name, ...parameters] = words(request, 'NAME [PARAMETER=VALUE ...]');
  const { available } = kernel.modules;
  if (!available.has(moduleName(name))) {
    const known = [...available.keys()].sort().join(', ') || 'none';
    throw new RequestError('ENOENT', `there is no module '${name}'; available: ${known}`);
  }
  yield* loadModule(kernel, name, parameters.map(parseArgument));
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
  const task = requireTask(kernel, pid);
  understood(() => sendSignal(kernel, task, signal));
}

/** do_exit(), from wherever the task is. */
function exit(kernel: Kernel, request: string): void {
  const [pid] = words(request, 'PID');
  const task = requireTask(kernel, pid);
  understood(() => endTask(kernel, task));
}

function fork(kernel: Kernel, request: string): void {
  const [pid] = words(request, 'PID');
  const task = requireTask(kernel, pid);
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

function describeCpus({ cpus }: Kernel): string {
  const lines = cpus.map(({ id, online }) => `cpu ${id}: ${online ? 'online' : 'offline'}\n`);
  return `write: N on|off\n${lines.join('')}`;
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

/** All tasks as a JSON array, a line each: the idle tasks first, which /proc does not show. */
function describeTasks(kernel: Kernel): string {
  const idle = kernel.cpus.map((cpu) => cpu.idle);
  const lines = [...idle, ...listShownTasks(kernel)].map((task) =>
    JSON.stringify(taskRow(kernel, task)),
  );
  return `[\n${lines.join(',\n')}\n]\n`;
}

/** Named as in the JSON of the queries. */
function taskRow({ tasks }: Kernel, task: Task) {
  return {
    pid: pidOf(tasks, task),
    tgid: tgidOf(tasks, task),
    comm: commOf(tasks, task),
    kind: kindOf(tasks, task),
    state: runStateOf(tasks, task),
    cpu: cpuOf(tasks, task),
    patch_state: patchStateOf(tasks, task),
    stack: [...framesOf(stackOf(tasks, task))].map(({ name }) => name),
  };
}

/** The transition that is going on, and the tasks that are behind, as JSON; null if there is none. */
function describeTransition(kernel: Kernel): string {
  const explanation = explainTransition(kernel);
  if (!explanation) return 'null\n';
  const { transition, all, behind } = explanation;
  return `${JSON.stringify({
    patch: patchName(transition.patch),
    target: transition.target,
    since_us: Math.floor(transition.startedNs / NS_PER_US),
    now_us: Math.floor(kernel.clock.nowNs / NS_PER_US),
    passes: transition.passes,
    all,
    behind: behind.map(({ task, holdup, frame, sinceNs }) => ({
      ...taskRow(kernel, task),
      holdup: holdup?.kind ?? null,
      function: holdup?.kind === 'sleeping-on' ? holdup.oldName : null,
      frame: frame ?? null,
      behind_since_us: Math.floor(sinceNs / NS_PER_US),
    })),
  })}\n`;
}

function parseArgument(word: string): Argument {
  const equals = word.indexOf('=');
  return equals < 0
    ? { name: word, value: '' }
    : { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

function words(request: string, usage: string): [string, ...string[]] {
  const [first, ...rest] = request.trim().split(/\s+/);
  if (!first) throw new RequestError('EINVAL', `nothing was written; expected ${usage}`);
  return [first, ...rest];
}

/** For a clock that stands still: how far to move it, `+1.5s` or `+20ms`, in nanoseconds. */
export function parseAdvance(request: string): number {
  const match = /^\+(\d+(?:\.\d+)?)(ms|s)\s*$/.exec(request);
  if (!match) throw new RequestError('EINVAL', 'expected +DURATION, such as +1.5s or +20ms');
  return Number(match[1]) * (match[2] === 's' ? NS_PER_SECOND : NS_PER_MS);
}

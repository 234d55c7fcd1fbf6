/**
 * The task set: one row per task, one column per field, so that a million tasks fit.
 *
 * A `Task` is the number of its row; a row is used again after its task has exited.
 *
 * Source: include/linux/sched.h:struct task_struct.
 */
import { assert } from '../../abi/errno.ts';
import type { Timer } from '../clock.ts';
import type { TimerPayload } from '../kernel.ts';
import type { SleepState } from './context.ts';
import { createFamily, type Family } from './family.ts';
import { createPidMap, freePid, type PidMap, takePid, taskWithPid } from './pidMap.ts';
import type { Program } from './program.ts';
import type { Stack } from './stack.ts';

export type Task = number;

/** task->patch_state, with the numbers that /proc/PID/patch_state prints. */
export type PatchState = typeof IDLE | typeof UNPATCHED | typeof PATCHED;
export const IDLE = -1;
export const UNPATCHED = 0;
export const PATCHED = 1;

/** user: a process; client: the short-lived process behind one request; idle: a cpu's swapper. */
export type TaskKind = 'user' | 'client' | 'kthread' | 'idle';
const KINDS: readonly TaskKind[] = ['user', 'client', 'kthread', 'idle'];

export type RunState = 'runnable' | SleepState | 'stopped' | 'zombie';
export const RUN_STATES: readonly RunState[] = [
  'runnable',
  'interruptible',
  'killable',
  'uninterruptible',
  'stopped',
  'zombie',
];

/** Columns, indexed by Task. `pid` is -1 in a free row. */
export interface TaskTable {
  length: number;
  pid: Int32Array;
  /** The pid of the leader of its thread group. */
  tgid: Int32Array;
  /** Which of all tasks that ever were it is: a row and a pid are used again, this is not. */
  serial: Uint32Array;
  /** When it was made, nanoseconds since boot. */
  startNs: Float64Array;
  kind: Uint8Array;
  runState: Uint8Array;
  patchState: Int8Array;
  patchPending: Uint8Array;
  /** TIF_NOTIFY_SIGNAL: it is to come by the way out of the kernel, and goes on. */
  notified: Uint8Array;
  /** It passes the way out of the kernel before it goes on with its program. */
  leavingKernel: Uint8Array;
  /** What is left of the time that it was spending when it was preempted; negative if it was not. */
  restNs: Float64Array;
  cpu: Uint16Array;
  /** The position of its program's next instruction. */
  position: Uint32Array;
  readonly comm: string[];
  readonly stack: Stack[];
  readonly program: (Program | undefined)[];
  /** Few tasks have one: the timer that ends their sleep or their time in user space. */
  readonly timers: Map<Task, Timer<TimerPayload>>;
  /** How often the loops that a task is in have gone round, by the position of their end. */
  readonly rounds: Map<Task, Map<number, number>>;
  /** Signals that have not taken effect, by name, each once, the one that is taken first first. */
  readonly signals: Map<Task, readonly string[]>;
  /** Functions that tasks were asked to call, the next one first. */
  readonly calls: Map<Task, readonly string[]>;
  /** Where a sleeping task will be looked for by those who wake it. */
  readonly waitsIn: Map<Task, Set<Task>>;
  /** Tasks that sleep without a function in which they are to sleep: its module is not loaded. */
  readonly outside: Set<Task>;
  /** Processes of the host and their threads: see adopt.ts. */
  readonly adopted: Set<Task>;
  readonly byPid: PidMap;
  readonly family: Family;
  readonly free: Task[];
  /** Pids that tasks will have which are being added just now. */
  readonly reservedPids: Set<number>;
  nextPid: number;
  nextSerial: number;
  /** How many rows a pass visits before others get their turn. */
  sliceRows: number;
  /** The pass that is walking over the rows now, so that no task is born behind its back. */
  walk: Walk | undefined;
}

/** See pass.ts. */
export interface Walk {
  next: Task;
  /** How many more rows belong to this slice. */
  restRows: number;
  readonly visit: (task: Task) => void;
}

export interface NewTask {
  readonly comm: string;
  readonly kind: TaskKind;
  readonly cpu: number;
  readonly pid?: number | undefined;
  /** Of the process whose thread it is; it is one of its own unless given. */
  readonly tgid?: number | undefined;
  readonly program?: Program | undefined;
}

/** The circumstances into which a task is born. */
export interface Birth {
  readonly stack: Stack;
  readonly startNs: number;
  readonly patchState: PatchState;
  readonly patchPending: boolean;
}

/** PID_MAX_DEFAULT. Source: include/linux/threads.h. */
const PID_MAX = 32_768;
/** RESERVED_PIDS: where pids go on after they have wrapped. Source: kernel/pid.c. */
const RESERVED_PIDS = 300;
const INITIAL_CAPACITY = 256;
/** A fraction of a millisecond. */
const SLICE_ROWS = 2048;
/** The pid of a row that is free. */
export const FREE_ROW = -1;
const NOTHING = -1;

export function createTaskTable(): TaskTable {
  return {
    length: 0,
    pid: new Int32Array(INITIAL_CAPACITY).fill(FREE_ROW),
    tgid: new Int32Array(INITIAL_CAPACITY),
    serial: new Uint32Array(INITIAL_CAPACITY),
    startNs: new Float64Array(INITIAL_CAPACITY),
    kind: new Uint8Array(INITIAL_CAPACITY),
    runState: new Uint8Array(INITIAL_CAPACITY),
    patchState: new Int8Array(INITIAL_CAPACITY).fill(IDLE),
    patchPending: new Uint8Array(INITIAL_CAPACITY),
    notified: new Uint8Array(INITIAL_CAPACITY),
    leavingKernel: new Uint8Array(INITIAL_CAPACITY),
    restNs: new Float64Array(INITIAL_CAPACITY).fill(NOTHING),
    cpu: new Uint16Array(INITIAL_CAPACITY),
    position: new Uint32Array(INITIAL_CAPACITY),
    comm: [],
    stack: [],
    program: [],
    timers: new Map(),
    rounds: new Map(),
    signals: new Map(),
    calls: new Map(),
    waitsIn: new Map(),
    outside: new Set(),
    adopted: new Set(),
    byPid: createPidMap(),
    family: createFamily(),
    free: [],
    reservedPids: new Set(),
    nextPid: RESERVED_PIDS,
    nextSerial: 1,
    sliceRows: SLICE_ROWS,
    walk: undefined,
  };
}

/** Adds a runnable task. The caller sees to it that a pid given is not in use. */
export function addTask(tasks: TaskTable, created: NewTask, birth: Birth): Task {
  const task = tasks.free.pop() ?? tasks.length;
  if (task === tasks.length) {
    tasks.length += 1;
    if (task === tasks.pid.length) grow(tasks);
  }
  const pid = created.pid ?? allocatePid(tasks);
  tasks.pid[task] = pid;
  tasks.tgid[task] = created.tgid ?? pid;
  tasks.serial[task] = tasks.nextSerial;
  tasks.nextSerial += 1;
  tasks.startNs[task] = birth.startNs;
  tasks.kind[task] = KINDS.indexOf(created.kind);
  tasks.runState[task] = RUN_STATES.indexOf('runnable');
  tasks.patchState[task] = birth.patchState;
  tasks.patchPending[task] = birth.patchPending ? 1 : 0;
  tasks.cpu[task] = created.cpu;
  tasks.position[task] = 0;
  tasks.comm[task] = created.comm;
  tasks.stack[task] = birth.stack;
  tasks.program[task] = created.program;
  if (created.kind !== 'idle') takePid(tasks.byPid, pid, task);
  if (tasks.walk && task < tasks.walk.next) tasks.walk.visit(task);
  return task;
}

/** Frees the row. */
export function removeTask(tasks: TaskTable, task: Task): void {
  freePid(tasks.byPid, pidOf(tasks, task));
  tasks.adopted.delete(task);
  tasks.pid[task] = FREE_ROW;
  tasks.patchPending[task] = 0;
  tasks.free.push(task);
}

/** Forgets what the task had yet to do. */
export function clearErrands(tasks: TaskTable, task: Task): void {
  tasks.program[task] = undefined;
  tasks.rounds.delete(task);
  tasks.restNs[task] = NOTHING;
  tasks.signals.delete(task);
  tasks.notified[task] = 0;
  tasks.calls.delete(task);
  tasks.leavingKernel[task] = 0;
}

/** Nobody who wakes the waiters of something finds this task any more. */
export function stopWaiting(tasks: TaskTable, task: Task): void {
  tasks.waitsIn.get(task)?.delete(task);
  tasks.waitsIn.delete(task);
}

/** Puts the task among those that wait for something, until it is awake. */
export function startWaiting(tasks: TaskTable, task: Task, waiters: Set<Task>): void {
  waiters.add(task);
  tasks.waitsIn.set(task, waiters);
}

export function findTask(tasks: TaskTable, pid: number): Task | undefined {
  return taskWithPid(tasks.byPid, pid);
}

export function pidOf(tasks: TaskTable, task: Task): number {
  return tasks.pid[task] ?? FREE_ROW;
}

export function tgidOf(tasks: TaskTable, task: Task): number {
  return tasks.tgid[task] ?? FREE_ROW;
}

/** When the task was made, nanoseconds since boot. */
export function startNsOf(tasks: TaskTable, task: Task): number {
  return tasks.startNs[task] ?? 0;
}

/** Tells a task from others that had its row or its pid before. */
export function serialOf(tasks: TaskTable, task: Task): number {
  return tasks.serial[task] ?? 0;
}

export function kindOf(tasks: TaskTable, task: Task): TaskKind {
  return KINDS[tasks.kind[task] ?? 0] ?? 'user';
}

export function runStateOf(tasks: TaskTable, task: Task): RunState {
  return RUN_STATES[tasks.runState[task] ?? 0] ?? 'runnable';
}

export function setRunState(tasks: TaskTable, task: Task, state: RunState): void {
  tasks.runState[task] = RUN_STATES.indexOf(state);
}

export function patchStateOf(tasks: TaskTable, task: Task): PatchState {
  return (tasks.patchState[task] ?? IDLE) as PatchState;
}

export function isPatchPending(tasks: TaskTable, task: Task): boolean {
  return tasks.patchPending[task] === 1;
}

export function cpuOf(tasks: TaskTable, task: Task): number {
  return tasks.cpu[task] ?? 0;
}

/** Lets a task that runs next spend so much time before it does anything else. */
export function setRest(tasks: TaskTable, task: Task, restNs: number): void {
  tasks.restNs[task] = restNs;
}

/** What it has yet to spend, which it begins with now; undefined for nothing. */
export function takeRest(tasks: TaskTable, task: Task): number | undefined {
  const restNs = tasks.restNs[task] ?? NOTHING;
  tasks.restNs[task] = NOTHING;
  return restNs < 0 ? undefined : restNs;
}

export function commOf(tasks: TaskTable, task: Task): string {
  return tasks.comm[task] ?? '';
}

export function stackOf(tasks: TaskTable, task: Task): Stack {
  const stack = tasks.stack[task];
  assert(stack, 'every task has a stack');
  return stack;
}

/** Cyclic, as alloc_pid() does it: the next one that is free, from 300 again after the maximum. */
function allocatePid(tasks: TaskTable): number {
  const isTaken = (pid: number) =>
    findTask(tasks, pid) !== undefined || tasks.reservedPids.has(pid);
  while (isTaken(tasks.nextPid)) advancePid(tasks);
  const pid = tasks.nextPid;
  advancePid(tasks);
  return pid;
}

function advancePid(tasks: TaskTable): void {
  const wraps = tasks.nextPid + 1 >= PID_MAX && tasks.byPid.size < PID_MAX - RESERVED_PIDS;
  tasks.nextPid = wraps ? RESERVED_PIDS : tasks.nextPid + 1;
}

function grow(tasks: TaskTable): void {
  const capacity = tasks.pid.length * 2;
  tasks.pid = enlarged(tasks.pid, new Int32Array(capacity).fill(FREE_ROW));
  tasks.tgid = enlarged(tasks.tgid, new Int32Array(capacity));
  tasks.serial = enlarged(tasks.serial, new Uint32Array(capacity));
  tasks.startNs = enlarged(tasks.startNs, new Float64Array(capacity));
  tasks.kind = enlarged(tasks.kind, new Uint8Array(capacity));
  tasks.runState = enlarged(tasks.runState, new Uint8Array(capacity));
  tasks.patchState = enlarged(tasks.patchState, new Int8Array(capacity));
  tasks.patchPending = enlarged(tasks.patchPending, new Uint8Array(capacity));
  tasks.notified = enlarged(tasks.notified, new Uint8Array(capacity));
  tasks.leavingKernel = enlarged(tasks.leavingKernel, new Uint8Array(capacity));
  tasks.restNs = enlarged(tasks.restNs, new Float64Array(capacity).fill(NOTHING));
  tasks.cpu = enlarged(tasks.cpu, new Uint16Array(capacity));
  tasks.position = enlarged(tasks.position, new Uint32Array(capacity));
}

function enlarged<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

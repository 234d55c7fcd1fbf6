/**
 * /proc/PID: what can be seen of a task.
 *
 * Nodes are made when they are looked up; listing /proc makes none.
 *
 * Source: fs/proc/base.c.
 */
import { KernelError } from '../abi/errno.ts';
import { S_IFDIR, S_IFREG } from '../abi/mode.ts';
import type { Kernel } from '../engine/kernel.ts';
import { threadsOf } from '../engine/sched/family.ts';
import {
  commOf,
  findTask,
  patchStateOf,
  pidOf,
  serialOf,
  type Task,
} from '../engine/sched/task.ts';
import { isCapable } from './caller.ts';
import { createNumberedNode, ONE_LINK, type Tree } from './inode.ts';
import type { AttributeChange, Caller, Directory, Entry, File, Node, OpenFile } from './node.ts';
import { writeAnyComm, writeOwnComm } from './procComm.ts';
import { hasMemory } from './procIdentity.ts';
import { showStack, showWchan } from './procStack.ts';
import { showStat, showStatToOthers } from './procStat.ts';
import { showStatus } from './procStatus.ts';
import { createSnapshot, readSnapshot } from './snapshot.ts';
import { countStored } from './store.ts';

export interface TaskFile {
  readonly mode: number;
  readonly show: (kernel: Kernel, task: Task) => string;
  /** What those see who may not trace the task, where it is less. Source: ptrace_may_access(). */
  readonly showToOthers?: (kernel: Kernel, task: Task) => string;
  readonly isComm?: true;
}

/** The files of a process and of its thread, in the order of tgid_base_stuff[]. */
export const TASK_FILES: ReadonlyMap<string, TaskFile> = new Map<string, TaskFile>([
  ['status', { mode: 0o444, show: showStatus }],
  ['comm', { mode: 0o644, show: ({ tasks }, task) => `${commOf(tasks, task)}\n`, isComm: true }],
  ['cmdline', { mode: 0o444, show: showCmdline }],
  ['stat', { mode: 0o444, show: showStat, showToOthers: showStatToOthers }],
  ['wchan', { mode: 0o444, show: showWchan, showToOthers: () => '0' }],
  ['stack', { mode: 0o400, show: showStack }],
  ['patch_state', { mode: 0o400, show: ({ tasks }, task) => `${patchStateOf(tasks, task)}\n` }],
]);
const FILE_NAMES = [...TASK_FILES.keys()];

/** Inode numbers of tasks: far above those of other nodes, a block for each pid. */
const FIRST_INO = 0x1000_0000;
const INOS_PER_TASK = 32;
const PROCESS_INO = 0;
const THREADS_INO = 1;
const THREAD_INO = 2;
const PROCESS_FILES_INO = 3;
const THREAD_FILES_INO = PROCESS_FILES_INO + TASK_FILES.size;

/** A task as its files know it: the one that it was when they were looked up. */
interface Subject {
  readonly task: Task;
  readonly serial: number;
  readonly pid: number;
}

function subjectOf({ kernel }: Tree, task: Task): Subject {
  return { task, serial: serialOf(kernel.tasks, task), pid: pidOf(kernel.tasks, task) };
}

/** /proc/PID, with the files of each of its threads again below task/. */
export function processDirectory(tree: Tree, task: Task): Directory {
  const subject = subjectOf(tree, task);
  return taskDirectory(tree, subject, {
    index: PROCESS_INO,
    names: () => ['task', ...FILE_NAMES],
    subdirectories: () => 1,
    make: (name) =>
      name === 'task'
        ? threadsDirectory(tree, subject)
        : taskFile(tree, subject, name, PROCESS_FILES_INO),
  });
}

/** The number that a name in /proc is; undefined for other names. */
export function pidNamed(name: string): number | undefined {
  return /^[1-9]\d*$/.test(name) ? Number(name) : undefined;
}

/** How /proc lists a process. */
export function processEntry(pid: number): Entry {
  return [String(pid), { ino: inoOf(pid, PROCESS_INO), kind: 'directory', revalidated: true }];
}

/** Source: proc_task_readdir(), proc_task_getattr(). */
function threadsDirectory(tree: Tree, subject: Subject): Directory {
  const { tasks } = tree.kernel;
  const threads = () => threadsOf(tasks, subject.task);
  return taskDirectory(tree, subject, {
    index: THREADS_INO,
    names: () => threads().map((thread) => String(pidOf(tasks, thread))),
    subdirectories: () => threads().length,
    make: (name) => threadDirectory(tree, requirePid(tree.kernel, Number(name))),
  });
}

function threadDirectory(tree: Tree, task: Task): Directory {
  const subject = subjectOf(tree, task);
  return taskDirectory(tree, subject, {
    index: THREAD_INO,
    names: () => FILE_NAMES,
    subdirectories: () => 0,
    make: (name) => taskFile(tree, subject, name, THREAD_FILES_INO),
  });
}

interface Entries {
  readonly index: number;
  readonly names: () => readonly string[];
  readonly subdirectories: () => number;
  readonly make: (name: string) => Node;
}

/** Empty once the task has exited: ENOENT. Source: proc_pident_lookup(), proc_pident_readdir(). */
function taskDirectory(tree: Tree, subject: Subject, entries: Entries): Directory {
  const { index, names, subdirectories, make } = entries;
  const isHere = () => isThere(tree.kernel, subject);
  const nlink = () => 2 + (isHere() ? subdirectories() : 0);
  return {
    kind: 'directory',
    ...taskNode(tree, subject, { index, mode: S_IFDIR | 0o555, nlink }),
    lookup: (name) => (isHere() && names().includes(name) ? make(name) : undefined),
    list: () => {
      if (!isHere()) throw new KernelError('ENOENT', `process ${subject.pid} is gone`);
      return names().map((name) => [name, make(name)] as const);
    },
  };
}

function taskFile(tree: Tree, subject: Subject, name: string, firstIno: number): File {
  const file = TASK_FILES.get(name);
  if (!file) throw new Error(`klpfs bug: tasks have no ${name}`);
  const index = firstIno + FILE_NAMES.indexOf(name);
  return {
    kind: 'file',
    ...taskNode(tree, subject, { index, mode: S_IFREG | file.mode, nlink: ONE_LINK }),
    open: (_flags, caller) => openTaskFile(tree, subject, { file, caller }),
  };
}

interface TaskOpen {
  readonly file: TaskFile;
  readonly caller: Caller | undefined;
}

function openTaskFile(tree: Tree, subject: Subject, { file, caller }: TaskOpen): OpenFile {
  const { kernel } = tree;
  const { show, showToOthers = show, isComm } = file;
  const shown = isCapable(tree, caller) ? show : showToOthers;
  const writeComm = caller ? writeOwnComm : writeAnyComm;
  const snapshot = createSnapshot();
  return {
    read: (offset, sizeBytes) =>
      readSnapshot(snapshot, offset, sizeBytes, {
        show: () => shown(kernel, requireTask(kernel, subject)),
      }),
    write: (_offset, data) => {
      if (!isComm) throw new KernelError('EINVAL', 'no write()');
      const written = writeComm(kernel, () => requireTask(kernel, subject), data);
      return countStored(written, data.length);
    },
    release: () => {},
  };
}

/** The machine knows no arguments but the first. Source: proc_pid_cmdline_read(). */
function showCmdline(kernel: Kernel, task: Task): string {
  return hasMemory(kernel, task) ? `${commOf(kernel.tasks, task)}\0` : '';
}

/** Whoever got its pid, or its row, is another task. */
function isThere({ tasks }: Kernel, { task, serial, pid }: Subject): boolean {
  return serialOf(tasks, task) === serial && findTask(tasks, pid) === task;
}

function requireTask(kernel: Kernel, subject: Subject): Task {
  if (!isThere(kernel, subject)) throw new KernelError('ESRCH', `process ${subject.pid} is gone`);
  return subject.task;
}

function requirePid({ tasks }: Kernel, pid: number): Task {
  const task = findTask(tasks, pid);
  if (task === undefined) throw new KernelError('ENOENT', `there is no thread ${pid}`);
  return task;
}

interface TaskNode {
  readonly index: number;
  readonly mode: number;
  readonly nlink: () => number;
}

/** Its mode does not change; the rest may, truncation among it. Source: proc_setattr(). */
function taskNode(tree: Tree, { pid, serial }: Subject, { index, mode, nlink }: TaskNode) {
  const node = createNumberedNode(tree, inoOf(pid, index), mode, { nlink });
  return {
    ...node,
    generation: serial,
    revalidated: true,
    change: (change: AttributeChange) => {
      if (change.mode !== undefined) throw new KernelError('EPERM', 'processes keep their modes');
      node.change(change);
    },
  } as const;
}

function inoOf(pid: number, index: number): number {
  return FIRST_INO + pid * INOS_PER_TASK + index;
}

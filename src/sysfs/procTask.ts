/**
 * /proc/PID: what can be seen of a task.
 *
 * Nodes are made when they are looked up: listing /proc makes one for each process.
 *
 * Source: fs/proc/base.c.
 */
import { decodeUtf8 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import { S_IFDIR, S_IFREG } from '../abi/mode.ts';
import type { Kernel } from '../engine/kernel.ts';
import { commOf, findTask, patchStateOf, type Task } from '../engine/sched/task.ts';
import { createNumberedNode, type NodeBase, ONE_LINK, type Tree } from './inode.ts';
import type { Directory, File, Node, OpenFile } from './node.ts';
import { hasMemory } from './procIdentity.ts';
import { showStack, showWchan } from './procStack.ts';
import { showStat } from './procStat.ts';
import { showStatus } from './procStatus.ts';
import { createSnapshot, readSnapshot } from './snapshot.ts';

interface TaskFile {
  readonly mode: number;
  readonly show: (kernel: Kernel, task: Task) => string;
  readonly store?: (kernel: Kernel, task: Task, data: Uint8Array) => void;
}

/** The files of a process and of its thread, in the order of tgid_base_stuff[]. */
const TASK_FILES = new Map<string, TaskFile>([
  ['status', { mode: 0o444, show: showStatus }],
  [
    'comm',
    { mode: 0o644, show: ({ tasks }, task) => `${commOf(tasks, task)}\n`, store: storeComm },
  ],
  ['cmdline', { mode: 0o444, show: showCmdline }],
  ['stat', { mode: 0o444, show: showStat }],
  ['wchan', { mode: 0o444, show: showWchan }],
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

/** /proc/PID, with the files of its only thread again below task/. */
export function processDirectory(tree: Tree, pid: number): Directory {
  return taskDirectory(tree, pid, {
    index: PROCESS_INO,
    names: ['task', ...FILE_NAMES],
    nlink: 3,
    make: (name) =>
      name === 'task' ? threadsDirectory(tree, pid) : taskFile(tree, pid, name, PROCESS_FILES_INO),
  });
}

function threadsDirectory(tree: Tree, pid: number): Directory {
  return taskDirectory(tree, pid, {
    index: THREADS_INO,
    names: [String(pid)],
    nlink: 3,
    make: () => threadDirectory(tree, pid),
  });
}

function threadDirectory(tree: Tree, pid: number): Directory {
  return taskDirectory(tree, pid, {
    index: THREAD_INO,
    names: FILE_NAMES,
    nlink: 2,
    make: (name) => taskFile(tree, pid, name, THREAD_FILES_INO),
  });
}

interface Entries {
  readonly index: number;
  readonly names: readonly string[];
  readonly nlink: number;
  readonly make: (name: string) => Node;
}

/** Empty once the task has exited: ENOENT. Source: proc_pident_lookup(), proc_pident_readdir(). */
function taskDirectory(tree: Tree, pid: number, { index, names, nlink, make }: Entries): Directory {
  const { tasks } = tree.kernel;
  return {
    kind: 'directory',
    ...taskNode(tree, inoOf(pid, index), S_IFDIR | 0o555, () => nlink),
    lookup: (name) =>
      names.includes(name) && findTask(tasks, pid) !== undefined ? make(name) : undefined,
    list: () => {
      if (findTask(tasks, pid) === undefined) throw new KernelError('ENOENT', `no process ${pid}`);
      return names.map((name) => [name, make(name)] as const);
    },
  };
}

function taskFile(tree: Tree, pid: number, name: string, firstIno: number): File {
  const file = TASK_FILES.get(name);
  if (!file) throw new Error(`klpfs bug: tasks have no ${name}`);
  const ino = inoOf(pid, firstIno + FILE_NAMES.indexOf(name));
  return {
    kind: 'file',
    ...taskNode(tree, ino, S_IFREG | file.mode, ONE_LINK),
    open: () => openTaskFile(tree.kernel, pid, file),
  };
}

function openTaskFile(kernel: Kernel, pid: number, { show, store }: TaskFile): OpenFile {
  const snapshot = createSnapshot();
  return {
    read: (offset, sizeBytes) =>
      readSnapshot(snapshot, offset, sizeBytes, {
        show: () => show(kernel, requireTask(kernel, pid)),
      }),
    write: (_offset, data) => {
      if (!store) throw new KernelError('EINVAL', 'no write()');
      store(kernel, requireTask(kernel, pid), data);
      return data.length;
    },
    release: () => {},
  };
}

/** The machine knows no arguments but the first. Source: proc_pid_cmdline_read(). */
function showCmdline(kernel: Kernel, task: Task): string {
  return hasMemory(kernel, task) ? `${commOf(kernel.tasks, task)}\0` : '';
}

/** TASK_COMM_LEN, without the NUL at its end. */
const COMM_BYTES = 15;

/**
 * Everyone may rename every task, which Linux grants to its own threads alone, and the newline
 * that echo adds is no part of the name.
 *
 * Source: comm_write().
 */
function storeComm({ tasks }: Kernel, task: Task, data: Uint8Array): void {
  const [name = ''] = decodeUtf8(data.subarray(0, COMM_BYTES)).split('\0');
  tasks.comm[task] = name.replace(/\n$/, '');
}

function requireTask({ tasks }: Kernel, pid: number): Task {
  const task = findTask(tasks, pid);
  if (task === undefined) throw new KernelError('ESRCH', `process ${pid} is gone`);
  return task;
}

/** Its mode does not change; the rest may, truncation among it. Source: proc_setattr(). */
function taskNode(tree: Tree, ino: number, mode: number, nlink: () => number): NodeBase {
  const node = createNumberedNode(tree, ino, mode, { nlink });
  return {
    ...node,
    change: (change) => {
      if (change.mode !== undefined) throw new KernelError('EPERM', 'processes keep their modes');
      node.change(change);
    },
  };
}

function inoOf(pid: number, index: number): number {
  return FIRST_INO + pid * INOS_PER_TASK + index;
}

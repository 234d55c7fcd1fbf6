/**
 * /proc/PID: what can be seen of a task.
 *
 * Source: fs/proc/base.c.
 */
import { KernelError } from '../abi/errno.ts';
import { S_IFDIR, S_IFREG } from '../abi/mode.ts';
import type { Kernel } from '../engine/kernel.ts';
import { framesOf } from '../engine/sched/stack.ts';
import { commOf, findTask, patchStateOf, stackOf, type Task } from '../engine/sched/task.ts';
import { createNumberedNode, ONE_LINK, type Tree } from './inode.ts';
import type { Directory, File, Node } from './node.ts';
import { createSnapshot, readSnapshot } from './snapshot.ts';

interface TaskFile {
  readonly mode: number;
  readonly show: (kernel: Kernel, task: Task) => string;
}

const TASK_FILES: Readonly<Record<string, TaskFile>> = {
  comm: { mode: 0o444, show: ({ tasks }, task) => `${commOf(tasks, task)}\n` },
  patch_state: { mode: 0o400, show: ({ tasks }, task) => `${patchStateOf(tasks, task)}\n` },
  stack: { mode: 0o400, show: showStack },
};

/** Inode numbers of tasks: far above those of other nodes, a block for each pid. */
const FIRST_INO = 0x1000_0000;
const INOS_PER_TASK = 16;
const PROCESS_INO = 0;
const THREADS_INO = 1;
const THREAD_INO = 2;
const FIRST_FILE_INO = 3;

/** /proc/PID, with the files of its only thread again below task/. */
export function processDirectory(tree: Tree, pid: number): Directory {
  const threads = directory(tree, pid, THREADS_INO, {
    [pid]: directory(tree, pid, THREAD_INO, taskFiles(tree, pid, FIRST_FILE_INO + 4)),
  });
  return directory(tree, pid, PROCESS_INO, {
    ...taskFiles(tree, pid, FIRST_FILE_INO),
    task: threads,
  });
}

function taskFiles(tree: Tree, pid: number, firstIno: number): Record<string, Node> {
  return Object.fromEntries(
    Object.entries(TASK_FILES).map(([name, file], index) => [
      name,
      taskFile(tree, pid, firstIno + index, file),
    ]),
  );
}

function taskFile(tree: Tree, pid: number, index: number, { mode, show }: TaskFile): File {
  const { kernel } = tree;
  return {
    kind: 'file',
    ...createNumberedNode(tree, inoOf(pid, index), S_IFREG | mode, { nlink: ONE_LINK }),
    change: refuseChange,
    open: () => {
      const snapshot = createSnapshot();
      return {
        read: (offset, sizeBytes) =>
          readSnapshot(snapshot, offset, sizeBytes, {
            show: () => show(kernel, requireTask(kernel, pid)),
          }),
        write: () => {
          throw new KernelError('EINVAL', 'no write()');
        },
        release: () => {},
      };
    },
  };
}

function directory(
  tree: Tree,
  pid: number,
  index: number,
  entries: Readonly<Record<string, Node>>,
): Directory {
  const nlink = () => (index === THREAD_INO ? 2 : 3);
  return {
    kind: 'directory',
    ...createNumberedNode(tree, inoOf(pid, index), S_IFDIR | 0o555, { nlink }),
    change: refuseChange,
    lookup: (name) => (Object.hasOwn(entries, name) ? entries[name] : undefined),
    list: () => Object.entries(entries),
  };
}

/** in_sched_functions(): code that only switches tasks is left out of stacks. */
const SCHED_FUNCTIONS: ReadonlySet<string> = new Set([
  '__schedule',
  'schedule',
  'schedule_timeout',
  'schedule_hrtimeout_range',
  'schedule_hrtimeout_range_clock',
  'io_schedule',
  'do_nanosleep',
]);

/** The newest frame first. Source: proc_pid_stack(), save_stack_address_nosched(). */
function showStack({ tasks }: Kernel, task: Task): string {
  let text = '';
  for (const { name, sizeBytes, module } of framesOf(stackOf(tasks, task))) {
    if (SCHED_FUNCTIONS.has(name)) continue;
    const size = sizeBytes.toString(16);
    const offset = (sizeBytes / 2).toString(16);
    text += `[<0>] ${name}+0x${offset}/0x${size}${module ? ` [${module.name}]` : ''}\n`;
  }
  return text;
}

function requireTask({ tasks }: Kernel, pid: number): Task {
  const task = findTask(tasks, pid);
  if (task === undefined) throw new KernelError('ESRCH', `process ${pid} is gone`);
  return task;
}

/** Source: proc_setattr() of pid entries. */
function refuseChange(): never {
  throw new KernelError('EPERM', 'files of a process do not change');
}

function inoOf(pid: number, index: number): number {
  return FIRST_INO + pid * INOS_PER_TASK + index;
}

/**
 * /proc/self: the process behind the request that reads it.
 *
 * Where the machine has no task for it, that process exists while the request does; there is no
 * directory for a link to point at, so this is one itself. It has no threads to show.
 *
 * Source: fs/proc/self.c.
 */
import { S_IRUGO } from '../abi/mode.ts';
import type { Kernel } from '../engine/kernel.ts';
import { type Context, settle } from '../engine/sched/context.ts';
import type { Task } from '../engine/sched/task.ts';
import { fixedDirectory } from './directory.ts';
import type { Tree } from './inode.ts';
import type { Directory } from './node.ts';
import { procFile } from './procFile.ts';
import { TASK_FILES } from './procTask.ts';

export function selfDirectory(tree: Tree): Directory {
  const files = [...TASK_FILES].map(([name, { mode, show }]) => {
    const file = procFile(tree, {
      mode: mode & S_IRUGO,
      show: () => asReader(tree.kernel, show),
    });
    return [name, file] as const;
  });
  return fixedDirectory(tree, 0o555, {
    task: fixedDirectory(tree, 0o555, {}),
    ...Object.fromEntries(files),
  });
}

/** Runs on a task of the machine, which is the one that is shown: that of the reader, if there is one. */
function* asReader(kernel: Kernel, show: (kernel: Kernel, task: Task) => string): Context<string> {
  return yield* settle(show(kernel, kernel.current));
}

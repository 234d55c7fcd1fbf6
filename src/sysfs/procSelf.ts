/**
 * /proc/self: the process behind the request that reads it.
 *
 * That process exists while the request does, so there is no directory for a link to point at:
 * this is a directory itself, with what procps wants before it looks at others: two files, and that
 * there is a directory of threads.
 *
 * Source: fs/proc/self.c.
 */
import type { Kernel } from '../engine/kernel.ts';
import { type Context, settle } from '../engine/sched/context.ts';
import type { Task } from '../engine/sched/task.ts';
import { fixedDirectory } from './directory.ts';
import type { Tree } from './inode.ts';
import type { Directory } from './node.ts';
import { procFile } from './procFile.ts';
import { showStat } from './procStat.ts';
import { showStatus } from './procStatus.ts';

export function selfDirectory(tree: Tree): Directory {
  const file = (show: (kernel: Kernel, task: Task) => string) =>
    procFile(tree, { mode: 0o444, show: () => asReader(tree.kernel, show) });
  return fixedDirectory(tree, 0o555, {
    task: fixedDirectory(tree, 0o555, {}),
    status: file(showStatus),
    stat: file(showStat),
  });
}

/** Runs on a task of the machine, which is the one that is shown. */
function* asReader(kernel: Kernel, show: (kernel: Kernel, task: Task) => string): Context<string> {
  return yield* settle(show(kernel, kernel.current));
}

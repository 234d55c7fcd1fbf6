/** Calling a kernel function from a kernel context, by way of ftrace. */
import { enterFunction } from './ftrace/ftrace.ts';
import type { Code, SeqFile } from './kallsyms.ts';
import type { Kernel } from './kernel.ts';
import { type Context, settle } from './sched/context.ts';
import { pushFrame } from './sched/stack.ts';
import { stackOf } from './sched/task.ts';

/**
 * Calls a function on the current task and answers what it returns. Its frame names the code that
 * really runs, and stays on the task's stack until that code returns.
 */
export function* callFunction(kernel: Kernel, code: Code, seq?: SeqFile): Context<number> {
  const task = kernel.current;
  const entered = enterFunction(kernel, task, code);
  const caller = stackOf(kernel.tasks, task);
  kernel.tasks.stack[task] = pushFrame(caller, entered);
  try {
    if (!entered.body) return 0;
    return yield* settle(entered.body(seq ? { kernel, seq } : { kernel }));
  } finally {
    kernel.tasks.stack[task] = caller;
  }
}

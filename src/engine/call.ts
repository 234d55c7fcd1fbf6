/** Calling a kernel function from a kernel context, by way of ftrace. */
import { enterFunction } from './ftrace/ftrace.ts';
import type { Call, Code, Returned } from './kallsyms.ts';
import type { Kernel } from './kernel.ts';
import { type Answer, type Context, isContext } from './sched/context.ts';
import { enterByName, referTo } from './sched/enter.ts';
import { pushFrame } from './sched/stack.ts';
import { stackOf } from './sched/task.ts';

/** What a caller hands to a function. */
export type Passed = Partial<Pick<Call, 'args' | 'seq'>>;

/**
 * Calls a function on the current task and answers what it returns. Its frame names the code that
 * really runs, and stays on the task's stack until that code returns.
 */
export function* callFunction(kernel: Kernel, code: Code, passed: Passed = {}): Context<Returned> {
  const task = kernel.current;
  const caller = stackOf(kernel.tasks, task);
  const entered = enterFunction(kernel, task, code, caller.code);
  kernel.tasks.stack[task] = pushFrame(caller, entered);
  try {
    const answer = runBody(kernel, entered, passed);
    return isContext(answer) ? yield* answer : answer;
  } finally {
    kernel.tasks.stack[task] = caller;
  }
}

/** Calls a function from the innermost of others that call each other, the outermost first. */
export function* callThrough(
  kernel: Kernel,
  callers: readonly string[],
  code: Code,
  passed: Passed,
): Context<Returned> {
  const task = kernel.current;
  const before = stackOf(kernel.tasks, task);
  try {
    for (const name of callers) enterByName(kernel, task, referTo(name));
    return yield* callFunction(kernel, code, passed);
  } finally {
    kernel.tasks.stack[task] = before;
  }
}

/** What the code itself does, once it is entered; 0 for code that does nothing. */
export function runBody(kernel: Kernel, code: Code, passed: Passed = {}): Answer<Returned> {
  return code.body ? code.body({ kernel, module: code.module, args: [], ...passed }) : 0;
}

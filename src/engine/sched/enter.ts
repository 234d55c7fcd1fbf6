/** Entering functions by name, as programs and handlers do. */
import { enterFunction } from '../ftrace/ftrace.ts';
import { type Code, lookupName } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { pushFrame } from './stack.ts';
import { stackOf, type Task } from './task.ts';

/** A function that a program names; looked up when it is first entered. */
export interface FunctionReference {
  readonly name: string;
  code: Code | undefined;
}

export function referTo(name: string): FunctionReference {
  return { name, code: undefined };
}

/**
 * Enters a function from the newest frame of the task, or from another one that is given. A function
 * that is not there (its module is not loaded) is passed over.
 */
export function enterByName(
  kernel: Kernel,
  task: Task,
  reference: FunctionReference,
  parent = stackOf(kernel.tasks, task).code,
): void {
  const known = reference.code;
  if (!known || (known.module && known.module.state === 'unformed')) {
    reference.code = lookupName(kernel.kallsyms, reference.name);
  }
  if (!reference.code) return;
  const entered = enterFunction(kernel, task, reference.code, parent);
  kernel.tasks.stack[task] = pushFrame(stackOf(kernel.tasks, task), entered);
}

/**
 * ftrace: at each call, decides which code runs.
 *
 * Every traceable function has a call site. Ops are attached to call sites by filter; one of those
 * at a site may modify the instruction pointer, which is how a livepatch redirects a call.
 *
 * Source: kernel/trace/ftrace.c.
 */
import { KernelError } from '../../abi/errno.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../sched/task.ts';

/** Answers the code to run instead of the function that was called; undefined leaves it. */
export type FtraceHandler = (kernel: Kernel, task: Task) => Code | undefined;

/** Source: include/linux/ftrace.h:struct ftrace_ops. */
export interface FtraceOps {
  readonly handlerName: string;
  readonly handler: FtraceHandler;
  /** FTRACE_OPS_FL_SAVE_REGS and FTRACE_OPS_FL_IPMODIFY. */
  readonly saveRegs: boolean;
  readonly ipModify: boolean;
  /** The functions it wants to see. */
  readonly filter: Set<Code>;
}

export interface Ftrace {
  /** kernel.ftrace_enabled. */
  enabled: boolean;
  readonly registered: Set<FtraceOps>;
}

export function createFtrace(): Ftrace {
  return { enabled: true, registered: new Set() };
}

/**
 * ftrace_set_filter_ip(), adding one function.
 *
 * @throws KernelError EINVAL if the address is no call site.
 */
export function addToFilter(ops: FtraceOps, code: Code): void {
  if (!code.traceable) throw new KernelError('EINVAL', `${code.name} is not a traceable function`);
  ops.filter.add(code);
}

/**
 * register_ftrace_function(): from now on calls of the filtered functions reach the handler.
 *
 * @throws KernelError EBUSY if another ops modifies the instruction pointer at one of them.
 */
export function registerFtraceFunction(kernel: Kernel, ops: FtraceOps): void {
  for (const code of ops.filter) {
    if (ops.ipModify && code.ops.some((other) => other.ipModify)) {
      throw new KernelError('EBUSY', `${code.name} has an IPMODIFY user`);
    }
  }
  for (const code of ops.filter) code.ops.push(ops);
  kernel.ftrace.registered.add(ops);
}

/** unregister_ftrace_function(). */
export function unregisterFtraceFunction(kernel: Kernel, ops: FtraceOps): void {
  for (const code of ops.filter) code.ops.splice(code.ops.indexOf(ops), 1);
  kernel.ftrace.registered.delete(ops);
}

/** Calls a function by way of its call site, and answers the code that really runs. */
export function enterFunction(kernel: Kernel, task: Task, code: Code): Code {
  if (!kernel.ftrace.enabled) return code;
  let entered = code;
  for (const ops of code.ops) entered = ops.handler(kernel, task) ?? entered;
  return entered;
}

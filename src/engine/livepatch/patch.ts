/**
 * Func stacks: which versions of a function there are, and which one a call gets.
 *
 * Handlers read a func stack while writers change it. What a writer does is done in such an order
 * that a handler never sees half of it, and a `yield` stands where another cpu could look.
 *
 * Source: kernel/livepatch/patch.c.
 */
import { assert, KernelError } from '../../abi/errno.ts';
import { emit } from '../events.ts';
import {
  addToFilter,
  createOps,
  registerFtraceFunction,
  unregisterFtraceFunction,
} from '../ftrace/ftrace.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { type Context, WRITE_BARRIER } from '../sched/context.ts';
import { cpuOfTask } from '../sched/cpu.ts';
import { runToEnd, type Steps } from '../sched/steps.ts';
import { synchronizeEveryCpu } from '../sched/synchronize.ts';
import { IDLE, patchStateOf, pidOf, type Task, UNPATCHED } from '../sched/task.ts';
import {
  type FuncStack,
  newFuncOf,
  type Patch,
  type PatchFunc,
  type PatchObject,
} from './model.ts';

/** Source: klp_find_ops(). */
export function findFuncStack(kernel: Kernel, oldFunc: Code): FuncStack | undefined {
  return kernel.livepatch.funcStacks.get(oldFunc);
}

/**
 * The version that this task's call gets; undefined is the original, as for a nop: to jump to where
 * one is would go on for ever. Each step is one read of what writers change.
 *
 * Only one step down is ever made, since only one patch can be in transition. It is one generator,
 * without others inside, because it is part of every call of a patched function.
 *
 * Source: klp_ftrace_handler().
 */
export function* ftraceHandler(
  kernel: Kernel,
  task: Task,
  stack: FuncStack,
): Steps<Code | undefined> {
  const cpu = cpuOfTask(kernel, task);
  cpu.preemptCount += 1;
  try {
    const func = stack.top;
    yield 'read the top of the func stack';
    if (!func) {
      warn(kernel, task, 'the func stack is empty');
      return undefined;
    }
    const inTransition = func.transition;
    yield 'read func->transition';
    if (!inTransition) return func.newFunc;

    const state = patchStateOf(kernel.tasks, task);
    yield 'read current->patch_state';
    if (state === IDLE) warn(kernel, task, 'in transition without a patch state');
    return state === UNPATCHED ? func.below?.newFunc : func.newFunc;
  } finally {
    cpu.preemptCount -= 1;
  }
}

/** WARN_ON_ONCE(). */
function warn(kernel: Kernel, task: Task, what: string): void {
  const { id } = cpuOfTask(kernel, task);
  emit(kernel, { type: 'handler-warning', cpu: id, pid: pidOf(kernel.tasks, task), what });
}

/**
 * What a task outside this patch runs instead of it: the next lower version, or the original.
 * Patching must wait for tasks that are in there.
 *
 * Source: klp_check_stack_func().
 */
export function codeBelow(func: PatchFunc): Code | undefined {
  return func.below ? newFuncOf(func.below) : func.oldFunc;
}

/**
 * Redirects the functions of a loaded object; none if one of them fails.
 *
 * @throws KernelError EINVAL or EBUSY, after the log line that says which function.
 * Source: klp_patch_object().
 */
export function* patchObject(kernel: Kernel, object: PatchObject): Context {
  assert(!object.patched, 'an object is patched once');
  try {
    for (const func of object.funcs) yield* patchFunc(kernel, func);
  } catch (error) {
    yield* unpatchObject(kernel, object);
    throw error;
  }
  object.patched = true;
}

/** Source: klp_unpatch_object(). */
export function* unpatchObject(kernel: Kernel, object: PatchObject): Context {
  yield* unpatchFuncs(kernel, object.funcs);
  object.patched = false;
}

/** Those of them that are on a func stack. Source: __klp_unpatch_object(). */
export function* unpatchFuncs(kernel: Kernel, funcs: readonly PatchFunc[]): Context {
  for (const func of funcs) {
    if (func.patched) yield* unpatchFunc(kernel, func);
  }
}

/** Source: klp_unpatch_objects(). */
export function* unpatchObjects(kernel: Kernel, patch: Patch): Context {
  for (const object of patch.objects) {
    if (object.patched) yield* unpatchObject(kernel, object);
  }
}

/** Source: klp_patch_func(). */
function* patchFunc(kernel: Kernel, func: PatchFunc): Context {
  const { oldFunc } = func;
  assert(oldFunc && !func.patched, `${func.oldName} is resolved before it is patched`);

  const stack = findFuncStack(kernel, oldFunc);
  if (stack) {
    func.below = stack.top;
    stack.top = func;
  } else {
    createFuncStack(kernel, func, oldFunc);
  }
  yield WRITE_BARRIER;
  func.patched = true;
}

/** The function is on the stack before the first handler can look for it. */
function createFuncStack(kernel: Kernel, func: PatchFunc, oldFunc: Code): void {
  const { funcStacks } = kernel.livepatch;
  const stack: FuncStack = {
    top: func,
    ops: createOps({
      handlerName: 'klp_ftrace_handler',
      handler: (running, task) => runToEnd(ftraceHandler(running, task, stack)),
      ipModify: true,
      ...kernel.semantics.opsFlags,
    }),
  };
  func.below = undefined;
  funcStacks.set(oldFunc, stack);
  try {
    attach(kernel, func, stack, oldFunc);
  } catch (error) {
    funcStacks.delete(oldFunc);
    throw error;
  }
}

function attach(kernel: Kernel, func: PatchFunc, { ops }: FuncStack, oldFunc: Code): void {
  const { oldName } = func;
  try {
    addToFilter(ops, oldFunc);
  } catch (error) {
    if (error instanceof KernelError) kernel.semantics.announceUntraceable(kernel, oldName, error);
    throw error;
  }
  try {
    registerFtraceFunction(kernel, ops);
  } catch (error) {
    if (error instanceof KernelError) {
      emit(kernel, { type: 'registering-failed', oldName, errno: error.errno });
    }
    throw error;
  }
}

/**
 * The last function stays on its stack until no handler is left that could look for it.
 *
 * Source: klp_unpatch_func(), unregister_ftrace_function().
 */
function* unpatchFunc(kernel: Kernel, func: PatchFunc): Context {
  const { funcStacks } = kernel.livepatch;
  assert(func.oldFunc, `${func.oldName} is resolved while it is patched`);
  const stack = findFuncStack(kernel, func.oldFunc);
  assert(stack, `${func.oldName} has a func stack while it is patched`);

  if (stack.top === func && !func.below) {
    unregisterFtraceFunction(kernel, stack.ops);
    yield* synchronizeEveryCpu(kernel);
    stack.top = undefined;
    funcStacks.delete(func.oldFunc);
  } else {
    unlink(stack, func);
  }
  yield WRITE_BARRIER;
  func.patched = false;
}

/** Whoever is at `func` finds the way on from there. Source: list_del_rcu(). */
function unlink(stack: FuncStack, func: PatchFunc): void {
  if (stack.top === func) {
    stack.top = func.below;
    return;
  }
  for (let above = stack.top; above; above = above.below) {
    if (above.below !== func) continue;
    above.below = func.below;
    return;
  }
}

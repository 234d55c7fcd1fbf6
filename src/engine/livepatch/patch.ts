/**
 * Func stacks: which versions of a function there are, and which one a call gets.
 *
 * Source: kernel/livepatch/patch.c.
 */
import { assert, KernelError } from '../../abi/errno.ts';
import { emit } from '../events.ts';
import { addToFilter, registerFtraceFunction, unregisterFtraceFunction } from '../ftrace/ftrace.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { patchStateOf, type Task, UNPATCHED } from '../sched/task.ts';
import type { FuncStack, Patch, PatchFunc, PatchObject } from './model.ts';

/**
 * The version that this task's call gets; undefined is the original.
 *
 * Only one step down is ever made, since only one patch can be in transition.
 *
 * Source: klp_ftrace_handler().
 */
export function chooseVersion(kernel: Kernel, task: Task, { funcs }: FuncStack): Code | undefined {
  const top = funcs[0];
  if (!top?.transition || patchStateOf(kernel.tasks, task) !== UNPATCHED) return top?.newFunc;
  return funcs[1]?.newFunc;
}

/**
 * What a task outside this patch runs instead of it: the next lower version, or the original.
 * Patching must wait for tasks that are in there.
 *
 * Source: klp_check_stack_func().
 */
export function codeBelow(kernel: Kernel, func: PatchFunc): Code | undefined {
  const funcs = func.oldFunc && kernel.livepatch.funcStacks.get(func.oldFunc)?.funcs;
  const below = funcs?.[funcs.indexOf(func) + 1];
  return below?.newFunc ?? func.oldFunc;
}

/**
 * Redirects the functions of a loaded object; none if one of them fails.
 *
 * @throws KernelError EINVAL or EBUSY, after the log line that says which function.
 * Source: klp_patch_object().
 */
export function patchObject(kernel: Kernel, object: PatchObject): void {
  assert(!object.patched, 'an object is patched once');
  try {
    for (const func of object.funcs) patchFunc(kernel, func);
  } catch (error) {
    unpatchObject(kernel, object);
    throw error;
  }
  object.patched = true;
}

/** Source: klp_unpatch_object(). */
export function unpatchObject(kernel: Kernel, object: PatchObject): void {
  for (const func of object.funcs) {
    if (func.patched) unpatchFunc(kernel, func);
  }
  object.patched = false;
}

/** Source: klp_unpatch_objects(). */
export function unpatchObjects(kernel: Kernel, patch: Patch): void {
  for (const object of patch.objects) {
    if (object.patched) unpatchObject(kernel, object);
  }
}

/** Source: klp_patch_func(). */
function patchFunc(kernel: Kernel, func: PatchFunc): void {
  const { oldFunc } = func;
  assert(oldFunc && !func.patched, `${func.oldName} is resolved before it is patched`);

  const known = kernel.livepatch.funcStacks.get(oldFunc);
  if (known) known.funcs.unshift(func);
  else createFuncStack(kernel, func, oldFunc);
  func.patched = true;
}

function createFuncStack(kernel: Kernel, func: PatchFunc, oldFunc: Code): void {
  const { funcStacks } = kernel.livepatch;
  const stack: FuncStack = {
    funcs: [func],
    ops: {
      handlerName: 'klp_ftrace_handler',
      handler: (running, task) => chooseVersion(running, task, stack),
      saveRegs: true,
      ipModify: true,
      filter: new Set(),
    },
  };
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

/** Source: klp_unpatch_func(). */
function unpatchFunc(kernel: Kernel, func: PatchFunc): void {
  const { funcStacks } = kernel.livepatch;
  assert(func.oldFunc, `${func.oldName} is resolved while it is patched`);
  const stack = funcStacks.get(func.oldFunc);
  assert(stack, `${func.oldName} has a func stack while it is patched`);

  if (stack.funcs.length === 1) {
    unregisterFtraceFunction(kernel, stack.ops);
    funcStacks.delete(func.oldFunc);
  } else {
    stack.funcs.splice(stack.funcs.indexOf(func), 1);
  }
  func.patched = false;
}

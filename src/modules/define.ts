/** Modules from as few words as possible: what is not said is as plain as can be. */
import { assert } from '../abi/errno.ts';
import { callFunction } from '../engine/call.ts';
import { emit } from '../engine/events.ts';
import type { Body, FunctionDefinition, Returned } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { newFunctionsOf } from '../engine/livepatch/create.ts';
import type {
  Callbacks,
  FuncDefinition,
  PatchDefinition,
  StateDefinition,
} from '../engine/livepatch/model.ts';
import {
  type Module,
  type ModuleDefinition,
  moduleName,
  type ParameterDefinition,
  type ParameterValue,
} from '../engine/module/model.ts';
import { LOG_LEVEL } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { pidOf, tgidOf } from '../engine/sched/task.ts';

/** What a plain module may say of itself; only the name has to be. */
export interface ModuleSource extends Partial<Omit<ModuleDefinition, 'name' | 'parameters'>> {
  /** A `-` becomes a `_`, as in the kernel. */
  readonly name: string;
  /** By name. */
  readonly parameters?: Readonly<Record<string, Omit<ParameterDefinition, 'name'>>>;
}

/** What a livepatch says: as a module, and what it patches. */
export interface LivepatchSource extends Omit<ModuleSource, 'patch' | 'livepatch'> {
  readonly objects: readonly ObjectSource[];
  /** Skip the consistency model; up to 4.15. */
  readonly immediate?: boolean;
  /** Takes the place of all livepatches before it; from 5.1 on. */
  readonly replace?: boolean;
  /** What it changes beyond code; from 5.5 on. */
  readonly states?: readonly StateDefinition[];
}

export interface ObjectSource {
  /** A module; vmlinux unless given. */
  readonly name?: string;
  readonly callbacks?: Callbacks;
  readonly funcs?: readonly FuncSource[];
}

export interface FuncSource {
  readonly oldName: string;
  /** `livepatch_` and the old name unless given. */
  readonly newName?: string;
  /** Which of several functions with that name, from 1. */
  readonly sympos?: number;
  /** Nobody waits for tasks that are in it, and the module stays for ever; 4.12 to 4.15. */
  readonly immediate?: boolean;
  readonly body: Body;
}

/** A module that patches nothing. */
export function defineModule({ name, parameters = {}, ...rest }: ModuleSource): ModuleDefinition {
  return {
    livepatch: false,
    intree: false,
    depends: [],
    functions: [],
    ...rest,
    name: moduleName(name),
    parameters: Object.entries(parameters).map(([parameter, said]) => ({
      name: parameter,
      ...said,
    })),
  };
}

/** A livepatch, which its init() enables. */
export function defineLivepatch(source: LivepatchSource): ModuleDefinition {
  const {
    objects,
    immediate = false,
    replace = false,
    states = [],
    functions = [],
    ...rest
  } = source;
  const patch: PatchDefinition = {
    immediate,
    replace,
    states,
    objects: objects.map(({ name, callbacks = {}, funcs = [] }) => ({
      name,
      callbacks,
      funcs: funcs.map(toFunc),
    })),
  };
  return defineModule({
    ...rest,
    livepatch: true,
    functions: [...newFunctionsOf(patch), ...functions],
    patch,
  });
}

function toFunc(source: FuncSource): FuncDefinition {
  const { oldName, newName = `livepatch_${oldName}`, sympos = 0, immediate = false, body } = source;
  return { oldName, newFunction: { name: newName, body }, sympos, immediate };
}

/** pr_info(): a line of the kernel log, after the module's name. */
export function prInfo(kernel: Kernel, module: Module, text: string): void {
  emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text: `${module.name}: ${text}` });
}

/** pr_info() in a file that defines no pr_fmt(). */
export function prInfoPlain(kernel: Kernel, text: string): void {
  emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text });
}

/** pr_notice(). */
export function prNotice(kernel: Kernel, module: Module, text: string): void {
  emit(kernel, { type: 'printk', level: LOG_LEVEL.notice, text: `${module.name}: ${text}` });
}

/** What a parameter is now. */
export function parameterOf(module: Module, name: string): ParameterValue {
  const value = module.parameters.get(name);
  assert(value !== undefined, `${module.name} has a parameter ${name}`);
  return value;
}

/** Calls a function of the module, by way of ftrace: what a livepatch put in its place is called. */
export function call(
  kernel: Kernel,
  module: Module,
  definition: FunctionDefinition,
  ...args: readonly unknown[]
): Context<Returned> {
  return callFunction(kernel, codeOf(module, definition), { args });
}

/** Where a function of the module was laid out. */
export function codeOf(module: Module, definition: FunctionDefinition) {
  const code = module.code.get(definition);
  assert(code, `${definition.name} is among the functions of ${module.name}`);
  return code;
}

/** Whose code runs: a body belongs to a module unless it is vmlinux's. */
export function ownModule({ module }: { readonly module: Module | undefined }): Module {
  assert(module, 'the code of a module runs');
  return module;
}

/** current->pid. */
export function currentPid({ tasks, current }: Kernel): number {
  return pidOf(tasks, current);
}

/** task_tgid_vnr(current): what getpid(2) returns. */
export function currentTgid({ tasks, current }: Kernel): number {
  return tgidOf(tasks, current);
}

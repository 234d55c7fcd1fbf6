/**
 * Patches, objects, functions, and the one transition: data only.
 *
 * Source: include/linux/livepatch.h, kernel/livepatch/patch.h.
 */
import type { FtraceOps } from '../ftrace/ftrace.ts';
import type { Code, FunctionDefinition } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import type { KobjectDirectory } from '../kobject.ts';
import type { Module } from '../module/model.ts';
import type { Answer } from '../sched/context.ts';
import { type Synchronize, synchronizeEveryCpu } from '../sched/synchronize.ts';
import { createMutex, type Mutex } from '../sched/wait.ts';
import type { ShadowVariables } from './shadow.ts';

/** What a patch module's author writes. */
export interface PatchDefinition {
  /** Skip the consistency model for the whole patch; up to 4.15. */
  readonly immediate: boolean;
  /** Takes the place of all patches before it; from 5.1 on. */
  readonly replace?: boolean;
  /** What it changes beyond code; from 5.5 on. */
  readonly states?: readonly StateDefinition[];
  readonly objects: readonly ObjectDefinition[];
}

/** What an author writes of a struct klp_state. */
export interface StateDefinition {
  readonly id: number;
  readonly version: number;
}

export interface ObjectDefinition {
  /** A module; undefined is vmlinux. */
  readonly name: string | undefined;
  readonly funcs: readonly FuncDefinition[];
  readonly callbacks: Callbacks;
}

export interface FuncDefinition {
  readonly oldName: string;
  readonly newFunction: FunctionDefinition;
  /** 0: the symbol must be unique in its object; n: the n-th of that name. */
  readonly sympos: number;
  readonly immediate: boolean;
}

/** struct klp_callbacks. They run under the klp mutex and may sleep. */
export interface Callbacks {
  /** Zero, or a negative errno that refuses the patch. */
  readonly prePatch?: (kernel: Kernel, object: PatchObject) => Answer<number>;
  readonly postPatch?: (kernel: Kernel, object: PatchObject) => Answer<void>;
  readonly preUnpatch?: (kernel: Kernel, object: PatchObject) => Answer<void>;
  readonly postUnpatch?: (kernel: Kernel, object: PatchObject) => Answer<void>;
}

/** struct klp_func. */
export interface PatchFunc {
  readonly oldName: string;
  readonly sympos: number;
  readonly immediate: boolean;
  /** Undefined for a nop, which stands for the original: see newFuncOf(). */
  readonly newFunc: Code | undefined;
  readonly object: PatchObject;
  kobject: KobjectDirectory | undefined;
  /** The function that it replaces; known while the object is loaded. */
  oldFunc: Code | undefined;
  /**
   * Legal pairs while patching: 0,0 -> 0,1 (started) -> 1,1 (some tasks) -> 1,0 (all tasks);
   * while unpatching: 1,0 -> 1,1 -> 0,1 (off the stack) -> 0,0.
   */
  patched: boolean;
  transition: boolean;
  /** The next lower function on its func stack; who was taken off still knows it, as with RCU lists. */
  below: PatchFunc | undefined;
}

/** struct klp_object. */
export interface PatchObject {
  readonly name: string | undefined;
  readonly patch: Patch;
  readonly callbacks: Callbacks;
  readonly funcs: PatchFunc[];
  /** It has nothing but nops, and goes with them. */
  readonly dynamic: boolean;
  kobject: KobjectDirectory | undefined;
  /** The loaded target; stays undefined for vmlinux. */
  module: Module | undefined;
  patched: boolean;
  /** pre_patch succeeded, so post_unpatch has to follow. */
  postUnpatchEnabled: boolean;
}

/** struct klp_patch. */
export interface Patch {
  readonly module: Module;
  readonly immediate: boolean;
  readonly replace: boolean;
  readonly states: readonly SystemState[];
  readonly objects: PatchObject[];
  kobject: KobjectDirectory | undefined;
  /** Flips when a transition starts, not when it ends. */
  enabled: boolean;
  /** Its module reference is never dropped. */
  forced: boolean;
}

/** struct klp_state: a change beyond code, for which callbacks answer. */
export interface SystemState extends StateDefinition {
  /** What its callbacks keep there. */
  data: unknown;
}

/** struct klp_ops: everything that replaces one function, and its ftrace ops. */
export interface FuncStack {
  /** The newest. */
  top: PatchFunc | undefined;
  readonly ops: FtraceOps;
}

/** The functions on a stack, the newest first. */
export function* funcsOn({ top }: FuncStack): Generator<PatchFunc, void> {
  for (let func = top; func; func = func.below) yield func;
}

export type TargetState = 'unpatched' | 'patched';

/** klp_transition_patch, klp_target_state and klp_signals_cnt, which live and die together. */
export interface Transition {
  readonly patch: Patch;
  target: TargetState;
  /** How far the writer has come; decides the patch state of a process that comes along. */
  phase: 'initializing' | 'prepared' | 'started' | 'settling';
  /** Attempts to complete since it was started or reversed. */
  passes: number;
  /** When it was started or reversed, nanoseconds since boot. */
  startedNs: number;
}

/** A callback that has begun and not returned. */
export interface RunningCallback {
  readonly which: 'pre_patch' | 'post_patch' | 'pre_unpatch' | 'post_unpatch';
  readonly object: PatchObject;
}

export interface LivepatchState {
  readonly mutex: Mutex;
  /** klp_patches, in the order of registration. */
  readonly patches: Patch[];
  transition: Transition | undefined;
  /** There is one at most: they run under the mutex. */
  callback: RunningCallback | undefined;
  readonly funcStacks: Map<Code, FuncStack>;
  /** How writers wait for handlers, which run with preemption off. */
  synchronize: Synchronize;
  readonly shadows: ShadowVariables;
  /** klp_transition_work is queued or waits for its timer. */
  retryPending: boolean;
}

export function createLivepatchState(): LivepatchState {
  return {
    mutex: createMutex(),
    patches: [],
    transition: undefined,
    callback: undefined,
    funcStacks: new Map(),
    synchronize: synchronizeEveryCpu,
    shadows: new Map(),
    retryPending: false,
  };
}

export function patchName(patch: Patch): string {
  return patch.module.name;
}

/** As log lines and directories name it. */
export function objectName(object: PatchObject): string {
  return object.name ?? 'vmlinux';
}

/** func->nop: it was added so that the patch undoes what an older one did to this function. */
export function isNop({ newFunc }: PatchFunc): boolean {
  return newFunc === undefined;
}

/** What the function becomes: the original where it is a nop. Source: func->new_func. */
export function newFuncOf({ newFunc, oldFunc }: PatchFunc): Code | undefined {
  return newFunc ?? oldFunc;
}

/** klp_is_object_loaded(). */
export function isObjectLoaded(object: PatchObject): boolean {
  return object.name === undefined || object.module !== undefined;
}

export function isInTransition(kernel: Kernel, patch: Patch): boolean {
  return kernel.livepatch.transition?.patch === patch;
}

export function* funcsOf(patch: Patch): Generator<PatchFunc, void> {
  for (const object of patch.objects) yield* object.funcs;
}

/**
 * What modules are written with: those of klpfs, and those of its users (`klpfs/module`).
 *
 * Everything here is a plain function or a type, in the words of the kernel. This file only says
 * what belongs to the interface; other files import from the module that owns the name, but a user
 * has one place to import from.
 */
export { KernelError } from '../abi/errno.ts';
export { between, since } from '../abi/release.ts';
export { callFunction } from '../engine/call.ts';
export { JIFFY_NS, jiffies, NS_PER_MS, NS_PER_SECOND } from '../engine/clock.ts';
export {
  type Kprobe,
  type KprobeHandler,
  registerKprobe,
  unregisterKprobe,
} from '../engine/ftrace/kprobes.ts';
export {
  type Body,
  type Call,
  type FunctionDefinition,
  lookupName,
} from '../engine/kallsyms.ts';
export type { Kernel } from '../engine/kernel.ts';
export {
  addKernelDirectory,
  type KobjectDirectory,
  removeKernelDirectory,
} from '../engine/kobject.ts';
export type { Callbacks, PatchObject, SystemState } from '../engine/livepatch/model.ts';
export {
  type ShadowConstructor,
  type ShadowData,
  type ShadowDestructor,
  type ShadowKey,
  shadowAlloc,
  shadowFree,
  shadowFreeAll,
  shadowGet,
  shadowGetOrAlloc,
} from '../engine/livepatch/shadow.ts';
export { getPrevState, getState } from '../engine/livepatch/state.ts';
export {
  type Module,
  type ModuleDefinition,
  STATE_TEXT,
  staticsOf,
} from '../engine/module/model.ts';
export { formatPointer, type Pointer } from '../engine/pointer.ts';
export { createProcEntry, removeProcEntry } from '../engine/procEntries.ts';
export type { Context } from '../engine/sched/context.ts';
export { type Kthread, runKthread, shouldStop, stopKthread } from '../engine/sched/kthread.ts';
export {
  createWaitQueue,
  sleepFor,
  type WaitQueue,
  waitOn,
  wakeAll,
} from '../engine/sched/wait.ts';
export {
  cancelWork,
  createWork,
  flushWork,
  scheduleWork,
  type Work,
} from '../engine/sched/work.ts';
export {
  call,
  codeOf,
  currentPid,
  currentTgid,
  defineLivepatch,
  defineModule,
  type LivepatchSource,
  type ModuleSource,
  ownModule,
  parameterOf,
  prInfo,
  prInfoPlain,
  prNotice,
} from './define.ts';

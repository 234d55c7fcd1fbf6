/**
 * Life of a patch: registered, enabled, disabled, forgotten; and modules that come and go.
 *
 * Source: kernel/livepatch/core.c.
 */
import { assert, errnoName, KernelError } from '../../abi/errno.ts';
import { emit } from '../events.ts';
import { type Code, findSymbols } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { addKobject, deleteKobject, drainKobject } from '../kobject.ts';
import type { Module } from '../module/model.ts';
import { putModule, tryGetModule } from '../module/references.ts';
import type { Answer, Context } from '../sched/context.ts';
import { withMutex } from '../sched/wait.ts';
import { runCallback, runPrePatch } from './callbacks.ts';
import {
  isInTransition,
  isObjectLoaded,
  objectName,
  type Patch,
  type PatchFunc,
  type PatchObject,
  patchName,
} from './model.ts';
import { patchObject, unpatchObject } from './patch.ts';
import { addNops } from './replace.ts';
import { isPatchCompatible } from './state.ts';
import {
  cancelTransition,
  initTransition,
  reverseTransition,
  startTransition,
  tryCompleteTransition,
} from './transition.ts';

/** Up to 5.0: init() registers the patch and enables it, and takes it back if that fails. */
export function* registerAndEnablePatch(kernel: Kernel, patch: Patch): Context {
  yield* registerPatch(kernel, patch);
  try {
    yield* locked(kernel, () => enableRegisteredPatch(kernel, patch));
  } catch (error) {
    yield* unregisterPatch(kernel, patch);
    throw error;
  }
}

/** Source: klp_register_patch() of 4.15. */
function* registerPatch(kernel: Kernel, patch: Patch): Context {
  requireLivepatchModule(kernel, patch);
  kernel.semantics.checkReliability(kernel, patch);
  yield* locked(kernel, () => initPatch(kernel, patch));
}

/** Waits until nobody is in a show() or store() of its files. Source: klp_unregister_patch(). */
export function* unregisterPatch(kernel: Kernel, patch: Patch): Context {
  yield* locked(kernel, () => {
    if (!isRegistered(kernel, patch)) throw new KernelError('EINVAL', 'not registered');
    if (patch.enabled) throw new KernelError('EBUSY', 'enabled');
    forgetPatch(kernel, patch);
  });
  const { kobject } = patch;
  assert(kobject, 'a registered patch has a directory');
  deleteKobject(kobject);
  yield* drainKobject(kernel, kobject);
}

/** From 5.1 on: one step from nothing to a transition. Source: klp_enable_patch(). */
export function* enrollPatch(kernel: Kernel, patch: Patch): Context {
  requireLivepatchModule(kernel, patch);
  kernel.semantics.checkReliability(kernel, patch);
  yield* locked(kernel, function* enroll() {
    requireCompatibleStates(kernel, patch);
    getModule(patch);
    try {
      initPatch(kernel, patch);
      requireNoTransition(kernel);
      yield* enable(kernel, patch);
    } catch (error) {
      if (isRegistered(kernel, patch)) forgetPatch(kernel, patch);
      if (patch.kobject) deleteKobject(patch.kobject);
      putModule(patch.module);
      throw error;
    }
  });
}

/** Enables a patch that is registered and disabled. Source: __klp_enable_patch() of 4.15. */
function* enableRegisteredPatch(kernel: Kernel, patch: Patch): Context {
  requireNoTransition(kernel);
  checkOrderOfEnabling(kernel, patch);
  getModule(patch);
  yield* enable(kernel, patch);
}

/**
 * A write to `enabled`, once parsed. From 5.1 on a patch that is disabled is on no list any more, so
 * that it cannot be enabled again.
 *
 * @throws KernelError EINVAL if it has that value already, or cannot have it; EBUSY while another
 * patch is in transition or, up to 5.0, out of order.
 * Source: enabled_store().
 */
export function* writeEnabled(kernel: Kernel, patch: Patch, enabled: boolean): Context {
  yield* locked(kernel, function* store() {
    if (!isRegistered(kernel, patch)) throw new KernelError('EINVAL', 'not registered');
    if (patch.enabled === enabled) throw new KernelError('EINVAL', 'already in requested state');

    if (isInTransition(kernel, patch)) yield* reverseTransition(kernel);
    else if (enabled) yield* enableRegisteredPatch(kernel, patch);
    else yield* disable(kernel, patch);
  });
}

/** Only the first disabled patch can be enabled. Source: __klp_enable_patch() of 4.15. */
function checkOrderOfEnabling(kernel: Kernel, patch: Patch): void {
  const { patches } = kernel.livepatch;
  const below = patches[patches.indexOf(patch) - 1];
  if (below && !below.enabled) throw new KernelError('EBUSY', `${patchName(below)} is disabled`);
}

/** Only the last enabled patch can be disabled. Source: __klp_disable_patch() of 4.15. */
export function checkOrderOfDisabling(kernel: Kernel, patch: Patch): void {
  const { patches } = kernel.livepatch;
  const above = patches[patches.indexOf(patch) + 1];
  if (above?.enabled) throw new KernelError('EBUSY', `${patchName(above)} is enabled`);
}

/** Takes a patch off the list, and its objects and functions out of sysfs. */
export function forgetPatch(kernel: Kernel, patch: Patch): void {
  const { patches } = kernel.livepatch;
  patches.splice(patches.indexOf(patch), 1);
  for (const child of [...(patch.kobject?.children.values() ?? [])]) deleteKobject(child);
}

/**
 * A module is about to be loaded: applies every patch that has it as an object.
 *
 * @throws KernelError what refused it; what was applied before is taken back.
 * Source: klp_module_coming().
 */
export function* moduleComing(kernel: Kernel, module: Module): Context {
  assert(module.state === 'coming', 'only a coming module comes');
  kernel.semantics.checkComing(kernel, module.name);
  yield* locked(kernel, function* coming() {
    module.klpAlive = true;
    for (const patch of kernel.livepatch.patches) {
      const object = patch.objects.find(({ name }) => name === module.name);
      if (!object) continue;
      try {
        yield* applyToModule(kernel, patch, object, module);
      } catch (error) {
        emit(kernel, { type: 'refusing-module', patch: patchName(patch), module: module.name });
        module.klpAlive = false;
        object.module = undefined;
        yield* revertModule(kernel, module, patch);
        throw error;
      }
    }
  });
}

/** A module goes away, or failed to come. Source: klp_module_going(). */
export function* moduleGoing(kernel: Kernel, module: Module): Context {
  yield* locked(kernel, function* going() {
    module.klpAlive = false;
    yield* revertModule(kernel, module, undefined);
  });
}

function* applyToModule(
  kernel: Kernel,
  patch: Patch,
  object: PatchObject,
  module: Module,
): Context {
  const names = { patch: patchName(patch), module: module.name };
  object.module = module;
  try {
    resolveObject(kernel, object);
  } catch (error) {
    emitFailure(kernel, { type: 'initializing-for-module-failed', ...names }, error);
    throw error;
  }
  if (!patch.enabled && !isInTransition(kernel, patch)) return;

  emit(kernel, { type: 'applying-to-module', ...names });
  yield* prePatch(kernel, object);
  try {
    yield* patchObject(kernel, object);
  } catch (error) {
    emitFailure(kernel, { type: 'applying-to-module-failed', ...names }, error);
    yield* runCallback(kernel, object, 'postUnpatch');
    throw error;
  }
  if (!isInTransition(kernel, patch)) yield* runCallback(kernel, object, 'postPatch');
}

/** Takes patches off a module, up to `limit` if given. Source: klp_cleanup_module_patches_limited(). */
function* revertModule(kernel: Kernel, module: Module, limit: Patch | undefined): Context {
  for (const patch of kernel.livepatch.patches) {
    if (patch === limit) return;
    const object = patch.objects.find((candidate) => candidate.module === module);
    if (!object) continue;
    const inTransition = isInTransition(kernel, patch);
    if (patch.enabled || inTransition) {
      if (!inTransition) yield* runCallback(kernel, object, 'preUnpatch');
      emit(kernel, { type: 'reverting-on-module', patch: patchName(patch), module: module.name });
      yield* unpatchObject(kernel, object);
      yield* runCallback(kernel, object, 'postUnpatch');
    }
    object.module = undefined;
    for (const func of object.funcs) func.oldFunc = undefined;
  }
}

/** From "checks passed" to a transition that has been tried once. Source: __klp_enable_patch(). */
function* enable(kernel: Kernel, patch: Patch): Context {
  emit(kernel, { type: 'enabling', patch: patchName(patch) });
  yield* initTransition(kernel, patch, 'patched');
  try {
    for (const object of patch.objects) {
      if (isObjectLoaded(object)) yield* enableObject(kernel, object);
    }
  } catch (error) {
    emit(kernel, { type: 'enabling-failed', patch: patchName(patch) });
    yield* cancelTransition(kernel);
    throw error;
  }
  yield* startAndTry(kernel, patch, true);
}

function* enableObject(kernel: Kernel, object: PatchObject): Context {
  yield* prePatch(kernel, object);
  try {
    yield* patchObject(kernel, object);
  } catch (error) {
    emit(kernel, { type: 'patching-object-failed', object: objectName(object) });
    throw error;
  }
}

/** Source: __klp_disable_patch(). */
function* disable(kernel: Kernel, patch: Patch): Context {
  requireNoTransition(kernel);
  kernel.semantics.checkDisabling(kernel, patch);
  yield* initTransition(kernel, patch, 'unpatched');
  for (const object of patch.objects) {
    if (object.patched) yield* runCallback(kernel, object, 'preUnpatch');
  }
  yield* startAndTry(kernel, patch, false);
}

function* startAndTry(kernel: Kernel, patch: Patch, enabled: boolean): Context {
  const { enabledChanges } = kernel.semantics;
  yield* startTransition(kernel);
  if (enabledChanges === 'before-first-pass') patch.enabled = enabled;
  yield* tryCompleteTransition(kernel);
  if (enabledChanges === 'after-first-pass') patch.enabled = enabled;
}

/** @throws KernelError the errno that the callback returned. */
function* prePatch(kernel: Kernel, object: PatchObject): Context {
  const returned = yield* runPrePatch(kernel, object);
  if (returned === 0) return;
  emit(kernel, { type: 'pre-patch-failed', object: objectName(object) });
  // User space needs a name; the module loader and the log get the number.
  const code = errnoName(-returned) ?? 'EINVAL';
  throw new KernelError(code, `pre_patch of ${objectName(object)} failed`, returned);
}

/** Directories, symbols, a place at the end of the list; nothing of it on failure. */
function initPatch(kernel: Kernel, patch: Patch): void {
  for (const object of patch.objects) kernel.semantics.checkNames(object);
  const name = patchName(patch);
  patch.kobject = addKobject(kernel, kernel.livepatchDirectory, name, { kind: 'patch', patch });
  try {
    if (patch.replace) addNops(kernel, patch);
    for (const object of patch.objects) initObject(kernel, patch, object);
  } catch (error) {
    deleteKobject(patch.kobject);
    throw error;
  }
  kernel.livepatch.patches.push(patch);
}

/** Source: klp_init_object(). */
function initObject(kernel: Kernel, patch: Patch, object: PatchObject): void {
  assert(patch.kobject, 'a patch gets its directory first');
  findTarget(kernel, object);
  const directory = addKobject(kernel, patch.kobject, objectName(object), {
    kind: 'object',
    object,
  });
  object.kobject = directory;
  for (const func of object.funcs) {
    const name = `${func.oldName},${func.sympos || 1}`;
    func.kobject = addKobject(kernel, directory, name, { kind: 'func', func });
  }
  if (isObjectLoaded(object)) resolveObject(kernel, object);
}

/** Only a module that livepatch has seen coming counts as there. Source: klp_find_object_module(). */
function findTarget(kernel: Kernel, object: PatchObject): void {
  if (object.name === undefined) return;
  const module = kernel.modules.loaded.get(object.name);
  object.module = module?.klpAlive ? module : undefined;
}

function resolveObject(kernel: Kernel, object: PatchObject): void {
  for (const func of object.funcs) func.oldFunc = findSymbol(kernel, object, func);
}

/** Source: klp_find_object_symbol(). */
function findSymbol(kernel: Kernel, object: PatchObject, func: PatchFunc): Code {
  const { oldName: symbol, sympos } = func;
  const matches = findSymbols(kernel.kallsyms, object.module, symbol);
  if (matches.length === 0) {
    emit(kernel, { type: 'symbol-not-found', symbol });
  } else if (sympos === 0 && matches.length > 1) {
    emit(kernel, { type: 'symbol-ambiguous', symbol, object: object.name ?? '(null)' });
  } else {
    const found = matches[Math.max(0, sympos - 1)];
    if (found) return found;
    const name = objectName(object);
    emit(kernel, { type: 'symbol-position-not-found', symbol, object: name, sympos });
  }
  throw new KernelError('EINVAL', `symbol '${symbol}' in '${objectName(object)}'`);
}

function requireLivepatchModule(kernel: Kernel, { module }: Patch): void {
  if (module.definition.livepatch) return;
  emit(kernel, { type: 'not-a-livepatch-module', module: module.name });
  throw new KernelError('EINVAL', `${module.name} is not a livepatch module`);
}

function requireCompatibleStates(kernel: Kernel, patch: Patch): void {
  if (isPatchCompatible(kernel, patch)) return;
  emit(kernel, { type: 'incompatible-states', patch: patchName(patch) });
  throw new KernelError('EINVAL', 'a state is older than what is installed, or missing');
}

function requireNoTransition(kernel: Kernel): void {
  const { transition } = kernel.livepatch;
  if (transition) throw new KernelError('EBUSY', `${patchName(transition.patch)} is in transition`);
}

function getModule(patch: Patch): void {
  if (!tryGetModule(patch.module)) throw new KernelError('ENODEV', 'the module is going away');
}

function isRegistered(kernel: Kernel, patch: Patch): boolean {
  return kernel.livepatch.patches.includes(patch);
}

function emitFailure(
  kernel: Kernel,
  event: {
    readonly type: 'initializing-for-module-failed' | 'applying-to-module-failed';
    readonly patch: string;
    readonly module: string;
  },
  error: unknown,
): void {
  if (error instanceof KernelError) emit(kernel, { ...event, errno: error.errno });
}

function locked<T>(kernel: Kernel, critical: () => Answer<T>): Context<T> {
  return withMutex(kernel, kernel.livepatch.mutex, critical);
}

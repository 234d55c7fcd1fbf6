/**
 * Atomic replace: a patch that takes the place of all before it.
 *
 * What an older patch changed and the new one does not is undone by nops: functions of the new patch
 * that stand for the original. They live as long as the transition does.
 *
 * Source: kernel/livepatch/core.c of 5.1 and later.
 */
import type { Kernel } from '../kernel.ts';
import { deleteKobject } from '../kobject.ts';
import type { Context } from '../sched/context.ts';
import { createDynamicObject, createNop } from './create.ts';
import { isNop, type Patch, type PatchFunc, type PatchObject } from './model.ts';
import { unpatchFuncs, unpatchObjects } from './patch.ts';

/** Before it is put on the list. Source: klp_add_nops(). */
export function addNops(kernel: Kernel, patch: Patch): void {
  for (const older of kernel.livepatch.patches) {
    for (const object of older.objects) addObjectNops(kernel, patch, object);
  }
}

/** Source: klp_add_object_nops(). */
function addObjectNops(kernel: Kernel, patch: Patch, older: PatchObject): void {
  const object =
    patch.objects.find(({ name }) => name === older.name) ?? addObject(patch, older.name);
  for (const func of older.funcs) {
    if (!findFunc(kernel, object, func)) object.funcs.push(createNop(object, func));
  }
}

function addObject(patch: Patch, name: string | undefined): PatchObject {
  const object = createDynamicObject(patch, name);
  patch.objects.push(object);
  return object;
}

/** Source: klp_find_func(). */
function findFunc(
  { semantics }: Kernel,
  { funcs }: PatchObject,
  { oldName, sympos }: PatchFunc,
): PatchFunc | undefined {
  return funcs.find(
    (func) => func.oldName === oldName && semantics.isSamePosition(func.sympos, sympos),
  );
}

/** No callback of theirs runs. Source: klp_unpatch_replaced_patches(). */
export function* unpatchReplacedPatches(kernel: Kernel, patch: Patch): Context {
  for (const older of replacedBy(kernel, patch)) {
    older.enabled = false;
    yield* unpatchObjects(kernel, older);
  }
}

/** All that are active are replaced. */
export function replacedBy({ livepatch }: Kernel, patch: Patch): Patch[] {
  return livepatch.patches.slice(0, livepatch.patches.indexOf(patch));
}

/** Source: klp_discard_nops(). */
export function* discardNops(kernel: Kernel, patch: Patch): Context {
  for (const object of patch.objects) {
    if (!object.patched) continue;
    yield* unpatchFuncs(kernel, object.funcs.filter(isNop));
    if (object.dynamic) object.patched = false;
  }
  forgetNops(patch);
}

/** They go, and their directories with them. Source: klp_free_objects_dynamic(). */
function forgetNops(patch: Patch): void {
  for (const { kobject, funcs, dynamic } of patch.objects) {
    const nops = funcs.filter(isNop);
    const directories = dynamic ? [kobject] : nops.map((nop) => nop.kobject);
    for (const directory of directories) if (directory) deleteKobject(directory);
    removeFrom(funcs, isNop);
  }
  removeFrom(patch.objects, ({ dynamic }) => dynamic);
}

function removeFrom<T>(list: T[], isToGo: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter((item) => !isToGo(item)));
}

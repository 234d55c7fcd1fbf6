/** From what a patch module's author wrote to the structures that the kernel works with. */
import { assert } from '../../abi/errno.ts';
import type { Module } from '../module/model.ts';
import type { ObjectDefinition, Patch, PatchDefinition, PatchObject } from './model.ts';

/** The functions of a patch module that its patch puts in the place of others. */
export function newFunctionsOf(patch: PatchDefinition) {
  return patch.objects.flatMap(({ funcs }) => funcs.map(({ newFunction }) => newFunction));
}

/** The new functions must be laid out with the module already. */
export function createPatch(module: Module, definition: PatchDefinition): Patch {
  const patch: Patch = {
    module,
    immediate: definition.immediate,
    objects: [],
    kobject: undefined,
    enabled: false,
    forced: false,
  };
  for (const object of definition.objects) patch.objects.push(createObject(patch, object));
  return patch;
}

function createObject(patch: Patch, definition: ObjectDefinition): PatchObject {
  const object: PatchObject = {
    name: definition.name,
    patch,
    callbacks: definition.callbacks,
    funcs: [],
    module: undefined,
    patched: false,
    postUnpatchEnabled: false,
  };
  for (const { oldName, newFunction, sympos, immediate } of definition.funcs) {
    const newFunc = patch.module.code.get(newFunction);
    assert(newFunc, `${newFunction.name} is a symbol of ${patch.module.name}`);
    object.funcs.push({
      oldName,
      sympos,
      immediate,
      newFunc,
      object,
      oldFunc: undefined,
      patched: false,
      transition: false,
      below: undefined,
    });
  }
  return object;
}

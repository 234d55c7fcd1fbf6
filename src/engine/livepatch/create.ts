/** From what a patch module's author wrote to the structures that the kernel works with. */
import { assert } from '../../abi/errno.ts';
import type { Code } from '../kallsyms.ts';
import type { Module } from '../module/model.ts';
import type { ObjectDefinition, Patch, PatchDefinition, PatchFunc, PatchObject } from './model.ts';

/** The functions of a patch module that its patch puts in the place of others. */
export function newFunctionsOf(patch: PatchDefinition) {
  return patch.objects.flatMap(({ funcs }) => funcs.map(({ newFunction }) => newFunction));
}

/** The new functions must be laid out with the module already. */
export function createPatch(module: Module, definition: PatchDefinition): Patch {
  const { immediate, replace = false, states = [] } = definition;
  const patch: Patch = {
    module,
    immediate,
    replace,
    states: states.map((state) => ({ ...state, data: undefined })),
    objects: [],
    kobject: undefined,
    enabled: false,
    forced: false,
  };
  for (const object of definition.objects) patch.objects.push(createObject(patch, object));
  return patch;
}

function createObject(patch: Patch, { name, callbacks, funcs }: ObjectDefinition): PatchObject {
  const object = emptyObject(patch, { name, callbacks, dynamic: false });
  for (const func of funcs) {
    const newFunc = patch.module.code.get(func.newFunction);
    assert(newFunc, `${func.newFunction.name} is a symbol of ${patch.module.name}`);
    object.funcs.push(createFunc(object, func, newFunc));
  }
  return object;
}

/** For nops only. Source: klp_alloc_object_dynamic(). */
export function createDynamicObject(patch: Patch, name: string | undefined): PatchObject {
  return emptyObject(patch, { name, callbacks: {}, dynamic: true });
}

/** Source: klp_alloc_func_nop(). */
export function createNop(object: PatchObject, { oldName, sympos }: PatchFunc): PatchFunc {
  return createFunc(object, { oldName, sympos, immediate: false }, undefined);
}

function emptyObject(
  patch: Patch,
  said: Pick<PatchObject, 'name' | 'callbacks' | 'dynamic'>,
): PatchObject {
  return {
    ...said,
    patch,
    funcs: [],
    kobject: undefined,
    module: undefined,
    patched: false,
    postUnpatchEnabled: false,
  };
}

function createFunc(
  object: PatchObject,
  { oldName, sympos, immediate }: Pick<PatchFunc, 'oldName' | 'sympos' | 'immediate'>,
  newFunc: Code | undefined,
): PatchFunc {
  return {
    oldName,
    sympos,
    immediate,
    newFunc,
    object,
    kobject: undefined,
    oldFunc: undefined,
    patched: false,
    transition: false,
    below: undefined,
  };
}

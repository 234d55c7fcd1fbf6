/** Modules as tests need them; defaults for everything, overrides by name. */
import type { FunctionDefinition } from '../../src/engine/kallsyms.ts';
import { newFunctionsOf } from '../../src/engine/livepatch/create.ts';
import type {
  FuncDefinition,
  ObjectDefinition,
  PatchDefinition,
} from '../../src/engine/livepatch/model.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';

export function aModule(overrides: Partial<ModuleDefinition> & { name: string }): ModuleDefinition {
  return {
    livepatch: overrides.patch !== undefined,
    intree: false,
    depends: [],
    parameters: [],
    functions: overrides.patch ? newFunctionsOf(overrides.patch) : [],
    ...overrides,
  };
}

export function aPatch(
  objects: readonly ObjectDefinition[],
  overrides: Partial<PatchDefinition> = {},
): PatchDefinition {
  return { immediate: false, objects, ...overrides };
}

export function anObject(overrides: Partial<ObjectDefinition> = {}): ObjectDefinition {
  return { name: undefined, funcs: [], callbacks: {}, ...overrides };
}

/** A replacement for a function that shows text. */
export function aFunc(
  oldName: string,
  text: string,
  overrides: Partial<FuncDefinition> = {},
): FuncDefinition {
  return {
    oldName,
    newFunction: showing(`livepatch_${oldName}`, text),
    sympos: 0,
    immediate: false,
    ...overrides,
  };
}

export function showing(name: string, text: string): FunctionDefinition {
  return {
    name,
    body: ({ seq }) => {
      if (seq) seq.text += text;
      return 0;
    },
  };
}

/** A livepatch module that replaces cmdline_proc_show. */
export function cmdlinePatch(name: string, text = `${name}\n`): ModuleDefinition {
  return aModule({
    name,
    patch: aPatch([anObject({ funcs: [aFunc('cmdline_proc_show', text)] })]),
  });
}

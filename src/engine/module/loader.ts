/**
 * Loading and removing modules.
 *
 * Source: kernel/module.c:load_module(), delete_module().
 */
import { KernelError } from '../../abi/errno.ts';
import { runQueries } from '../dynamicDebug/control.ts';
import { emit } from '../events.ts';
import {
  addSymbols,
  allocateModuleText,
  type Code,
  type FunctionDefinition,
  removeSymbols,
  textBytes,
} from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import {
  addKobject,
  addLink,
  deleteKobject,
  drainKobject,
  type KobjectDirectory,
  removeLink,
} from '../kobject.ts';
import { moduleComing, moduleGoing } from '../livepatch/core.ts';
import { createPatch } from '../livepatch/create.ts';
import { type Context, settle } from '../sched/context.ts';
import { enterNewFunctions } from '../sched/program.ts';
import { wakeAll } from '../sched/wait.ts';
import type { Argument } from './arguments.ts';
import { joinLoad, waitForOthers } from './concurrentLoads.ts';
import {
  type Module,
  type ModuleDefinition,
  moduleName,
  type ParameterDefinition,
} from './model.ts';
import { setParameter } from './parameters.ts';
import { putModule, tryGetModule } from './references.ts';
import { taintForModule } from './taint.ts';

/** What a module takes that has hardly any code. */
const LEAST_CORE_BYTES = 16_384;

/**
 * Loads a module that is available, up to the end of its init().
 *
 * @throws KernelError ENOENT for an unknown module or one it needs, EEXIST if it is loaded,
 * EINVAL for a bad parameter, and whatever livepatch or init() refuse it with.
 */
export function* loadModule(
  kernel: Kernel,
  fileName: string,
  parameters: readonly Argument[],
): Context {
  const definition = kernel.modules.available.get(moduleName(fileName));
  if (!definition) throw new KernelError('ENOENT', `there is no module '${fileName}'`);

  yield* joinLoad(kernel, definition.name, () => initModule(kernel, definition, parameters));
}

/** Source: kernel/module/main.c:load_module(). */
function* initModule(
  kernel: Kernel,
  definition: ModuleDefinition,
  parameters: readonly Argument[],
): Context {
  const taints = taintForModule(kernel, definition);
  yield* waitForOthers(kernel, definition.name);
  const module = layOut(kernel, definition, taints);
  try {
    useDependencies(kernel, module);
    yield* moduleComing(kernel, module);
    yield* bringToLife(kernel, module, parameters);
  } catch (error) {
    yield* abandon(kernel, module);
    if (isSuccess(error)) return;
    throw error;
  }
  emit(kernel, { type: 'module-loaded', module: module.name });
}

/**
 * Removes a module.
 *
 * @throws KernelError ENOENT if it is not loaded, EAGAIN while others use it, EBUSY unless live,
 * and for one that has an init() but no exit().
 */
export function* removeModule(kernel: Kernel, fileName: string): Context {
  const name = moduleName(fileName);
  const module = kernel.modules.loaded.get(name);
  if (!module) throw new KernelError('ENOENT', `module '${name}' is not loaded`);
  if (module.usedBy.length > 0) {
    const users = module.usedBy.map((user) => user.name);
    throw new KernelError('EAGAIN', `module '${name}' is used by ${users}`);
  }
  if (module.state !== 'live') throw new KernelError('EBUSY', `module '${name}' is not live`);
  if (module.definition.init && !module.definition.exit && !module.patch) {
    throw new KernelError('EBUSY', `module '${name}' has no exit()`);
  }
  if (module.references > 0) throw new KernelError('EAGAIN', `module '${name}' is in use`);

  module.state = 'going';
  const { exit } = module.definition;
  if (exit) yield* settle(exit(kernel, module));
  if (module.patch) yield* settle(kernel.semantics.exitPatch(kernel, module.patch));
  yield* moduleGoing(kernel, module);
  yield* free(kernel, module);
  emit(kernel, { type: 'module-removed', module: name });
}

function layOut(kernel: Kernel, definition: ModuleDefinition, taints: string): Module {
  const sizeBytes = Math.max(LEAST_CORE_BYTES, textBytes(definition.functions));
  const code = new Map<FunctionDefinition, Code>();
  const module: Module = {
    definition,
    name: definition.name,
    offset: allocateModuleText(kernel.kallsyms, sizeBytes),
    sizeBytes,
    state: 'coming',
    references: 0,
    taints,
    code,
    uses: [],
    usedBy: [],
    klpAlive: false,
    parameters: new Map(definition.parameters.map((known) => [known.name, known.default])),
    statics: definition.statics?.() ?? {},
    kobject: undefined,
    kthreads: [],
    patch: undefined,
  };
  const codes = addSymbols(kernel.kallsyms, module, definition.functions);
  for (const added of codes) code.set(added.definition, added);
  kernel.modules.loaded.set(module.name, module);
  return module;
}

/** resolve_symbol_wait(), use_module(): what it needs must be there, and stays. */
function useDependencies(kernel: Kernel, module: Module): void {
  for (const needed of module.definition.depends) {
    const used = kernel.modules.loaded.get(moduleName(needed));
    if (used && module.uses.includes(used)) continue;
    if (!used || !tryGetModule(used)) {
      const symbol = symbolFrom(kernel, needed);
      emit(kernel, { type: 'module-unknown-symbol', module: module.name, symbol });
      throw new KernelError('ENOENT', `module '${module.name}' needs '${needed}'`);
    }
    module.uses.push(used);
    used.usedBy.unshift(module);
  }
}

function dropDependencies(module: Module): void {
  for (const used of module.uses) {
    used.usedBy.splice(used.usedBy.indexOf(module), 1);
    putModule(used);
  }
}

/** What a module needs of another is not described: one of its symbols stands for all. */
function symbolFrom({ modules }: Kernel, needed: string): string {
  const name = moduleName(needed);
  return modules.available.get(name)?.functions[0]?.name ?? name;
}

function* bringToLife(kernel: Kernel, module: Module, given: readonly Argument[]): Context {
  setParameters(kernel, module, given);
  addToSysfs(kernel, module);
  const { init, patch, adjustPatch } = module.definition;
  module.references += 1;
  try {
    if (init) yield* settle(init(kernel, module));
    if (patch) {
      module.patch = createPatch(module, adjustPatch?.(kernel, module, patch) ?? patch);
      yield* kernel.semantics.initPatch(kernel, module.patch);
    }
  } catch (error) {
    module.patch = undefined;
    if (!isSuccess(error)) throw error;
    emit(kernel, { type: 'module-init-suspicious', module: module.name, returned: error.errno });
  } finally {
    putModule(module);
  }
  module.state = 'live';
  enterNewFunctions(kernel, module.code.values());
  wakeAll(kernel, kernel.modules.finished);
}

/** A positive number is no error for those who look for negative ones. Source: do_init_module(). */
function isSuccess(error: unknown): error is KernelError {
  return error instanceof KernelError && error.errno > 0;
}

/**
 * All of them are tried, whatever is wrong with the others; a dash in a name is as good as an
 * underscore.
 *
 * @throws KernelError that of the last one that is wrong.
 * Source: parse_args(), parse_one().
 */
function setParameters(kernel: Kernel, module: Module, given: readonly Argument[]): void {
  let failure: unknown;
  for (const { name, value } of given) {
    const parameter = module.definition.parameters.find(
      (known) => known.name === name.replaceAll('-', '_'),
    );
    if (!parameter) {
      takeUnknownParameter(kernel, module, { name, value });
      continue;
    }
    try {
      setParameter(kernel, module, parameter, value);
    } catch (error) {
      emit(kernel, {
        type: 'module-invalid-parameter',
        module: module.name,
        parameter: name,
        value: unparsed(parameter, value ?? ''),
      });
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
}

/** Source: unknown_module_param_cb(), lib/dynamic_debug.c:ddebug_dyndbg_param_cb(). */
function takeUnknownParameter(kernel: Kernel, module: Module, { name, value }: Argument): void {
  if (name === 'async_probe') return;
  const dot = name.indexOf('.');
  if (name.slice(dot + 1) === 'dyndbg') runQueries(kernel, value ?? '+p', module.name);
  // What is behind a dot is gone by now.
  else
    emit(kernel, {
      type: 'module-unknown-parameter',
      module: module.name,
      parameter: dot < 0 ? name : name.slice(0, dot),
    });
}

/** Elements of an array are cut off where they stand. Source: param_array(). */
function unparsed({ most }: ParameterDefinition, text: string): string {
  return most === undefined ? text : text.replace(/,.*/s, '');
}

function addToSysfs(kernel: Kernel, module: Module): void {
  const { name } = module;
  const directory = addKobject(kernel, kernel.moduleDirectory, name, { kind: 'module', module });
  module.kobject = directory;
  addKobject(kernel, directory, 'holders', { kind: 'holders', module });
  addKobject(kernel, directory, 'notes', { kind: 'notes', module });
  addKobject(kernel, directory, 'sections', { kind: 'sections', module });
  if (module.definition.parameters.some(({ mode }) => mode !== 0)) {
    addKobject(kernel, directory, 'parameters', { kind: 'parameters', module });
  }
  for (const holders of holdersAmong(module.uses)) addLink(holders, name, `../../${name}`);
}

/** Where those that a module uses link to it. Source: add_usage_links(). */
function holdersAmong(used: readonly Module[]): KobjectDirectory[] {
  return used.flatMap(({ kobject }) => kobject?.children.get('holders') ?? []);
}

function* abandon(kernel: Kernel, module: Module): Context {
  if (module.klpAlive) {
    module.state = 'going';
    yield* moduleGoing(kernel, module);
  }
  yield* free(kernel, module);
}

function* free(kernel: Kernel, module: Module): Context {
  if (module.kobject) {
    for (const holders of holdersAmong(module.uses)) removeLink(holders, module.name);
    deleteKobject(module.kobject);
    yield* drainKobject(kernel, module.kobject);
  }
  module.state = 'unformed';
  kernel.modules.loaded.delete(module.name);
  wakeAll(kernel, kernel.modules.finished);
  removeSymbols(kernel.kallsyms, module);
  dropDependencies(module);
}

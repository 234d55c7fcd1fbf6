/** Modules: data only. Source: include/linux/module.h. */
import { assert } from '../../abi/errno.ts';
import { isIn, type Release, type ReleaseSpan } from '../../abi/release.ts';
import type { Code, FunctionDefinition } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import type { KobjectDirectory } from '../kobject.ts';
import type { Patch, PatchDefinition } from '../livepatch/model.ts';
import type { Answer } from '../sched/context.ts';
import type { Kthread } from '../sched/kthread.ts';
import { createWaitQueue, type WaitQueue } from '../sched/wait.ts';

/** coming, live and going as in /sys/module/NAME/initstate; unformed once its memory is gone. */
export type ModuleState = 'coming' | 'live' | 'going' | 'unformed';

/** As the modules of samples and selftests write them in their lines. */
export const STATE_TEXT: Readonly<Record<ModuleState, string>> = {
  live: '[MODULE_STATE_LIVE] Normal state',
  coming: '[MODULE_STATE_COMING] Full formed, running module_init',
  going: '[MODULE_STATE_GOING] Going away',
  unformed: '[MODULE_STATE_UNFORMED] Still setting it up',
};

/** What there is to load: the content of a .ko file. */
export interface ModuleDefinition {
  /** With underscores, whatever its file is called. */
  readonly name: string;
  /** modinfo `livepatch: Y`. */
  readonly livepatch: boolean;
  /** Built with the kernel and signed: loading it taints nothing. */
  readonly intree: boolean;
  /** MODULE_DESCRIPTION(), which modinfo shows. */
  readonly description?: string;
  readonly depends: readonly string[];
  readonly parameters: readonly ParameterDefinition[];
  readonly functions: readonly FunctionDefinition[];
  /** The patch that init() enables, for livepatch modules. */
  readonly patch?: PatchDefinition;
  /** Fails with a KernelError, like an init() that returns an errno. */
  readonly init?: (kernel: Kernel, module: Module) => Answer<void>;
  readonly exit?: (kernel: Kernel, module: Module) => Answer<void>;
  /** The last word of init() about its patch, before it is handed to livepatch. */
  readonly adjustPatch?: (
    kernel: Kernel,
    module: Module,
    patch: PatchDefinition,
  ) => PatchDefinition;
  /** Makes its static variables, as they are when it is loaded. */
  readonly statics?: () => object;
  /** The releases whose interfaces it needs; all of them unless given. */
  readonly releases?: ReleaseSpan;
}

/** What an array parameter has several of. */
export type Element = number | boolean | string;
/** What a parameter is: an array has as many elements as were given. */
export type ParameterValue = Element | readonly Element[];

export interface ParameterDefinition {
  readonly name: string;
  readonly type: 'int' | 'bool' | 'string';
  /** module_param_array(): how many elements it can take; it is one value unless given. */
  readonly most?: number;
  readonly default: ParameterValue;
  /** Permissions of its file; 0 hides it. */
  readonly mode: number;
}

export interface Module {
  readonly definition: ModuleDefinition;
  readonly name: string;
  /** Where its code lies, as an offset from KERNEL_BASE. */
  readonly offset: number;
  readonly sizeBytes: number;
  state: ModuleState;
  /** Users of the module beyond its being loaded. */
  references: number;
  /** Letters of its taints, in the order of the flags: `OEK`. */
  readonly taints: string;
  /** Its functions as they were laid out. */
  readonly code: ReadonlyMap<FunctionDefinition, Code>;
  /** Modules that it needs, each with a reference of its own. */
  readonly uses: Module[];
  /** Modules that need it, the newest first. Source: struct module.source_list. */
  readonly usedBy: Module[];
  /** Coming was processed by livepatch, and going was not. */
  klpAlive: boolean;
  readonly parameters: Map<string, ParameterValue>;
  readonly statics: object;
  /** Its directory in /sys/module, once it has one. */
  kobject: KobjectDirectory | undefined;
  /** What init() started, and exit() has to stop. */
  readonly kthreads: Kthread[];
  /** The patch of a livepatch module, once init() was reached. */
  patch: Patch | undefined;
}

/** A load that is going on. Source: struct idempotent. */
export interface Load {
  readonly ended: WaitQueue;
  /** What it was refused with. */
  failure: unknown;
}

export interface ModuleRegistry {
  /** What insmod finds, by name. */
  readonly available: Map<string, ModuleDefinition>;
  /** What is loaded, the oldest first. */
  readonly loaded: Map<string, Module>;
  /** Loads that others may join, by the name of the module. */
  readonly loads: Map<string, Load>;
  /** module_wq: who waits for another load of a module to come to its end. */
  readonly finished: WaitQueue;
  /** tainted_mask. Source: include/linux/kernel.h:TAINT_*. */
  taintMask: number;
  /** Messages that are printed once a boot, and were. */
  readonly printedOnce: Set<string>;
}

/** A module that was built for other releases is none for this kernel. */
export function createModuleRegistry(
  definitions: readonly ModuleDefinition[],
  release: Release,
): ModuleRegistry {
  const fitting = definitions.filter(({ releases }) => !releases || isIn(release, releases));
  return {
    available: new Map(fitting.map((definition) => [definition.name, definition])),
    loaded: new Map(),
    loads: new Map(),
    finished: createWaitQueue(),
    taintMask: 0,
    printedOnce: new Set(),
  };
}

/** What init() takes of a small module. */
const INIT_BYTES = 16_384;

/** The part of a module that is freed when init() has returned. Source: do_init_module(). */
export function initBytes({ state }: Module): number {
  return state === 'coming' ? INIT_BYTES : 0;
}

/** The name of a module as it is after loading: `-` becomes `_`. */
export function moduleName(fileName: string): string {
  return fileName.replaceAll('-', '_');
}

/** The static variables of a module whose definition makes them with `statics`. */
export function staticsOf<Statics extends object>(module: Module, statics: () => Statics): Statics {
  assert(module.definition.statics === statics, `${module.name} has other static variables`);
  return module.statics as Statics;
}

/**
 * Code and its symbols: every function that the machine can execute, by object and name.
 *
 * A function is known by its `Code`, never by name: two functions may share a name, and a
 * livepatch's version of a function is another `Code`. Comparing Codes is what comparing a return
 * address with [start, start + size) is in C.
 *
 * Source: kernel/kallsyms.c.
 */
import type { FtraceOps } from './ftrace/ftrace.ts';
import type { Kernel } from './kernel.ts';
import type { Module } from './module/model.ts';
import { type Random, randomBelow } from './random.ts';
import type { Answer } from './sched/context.ts';

/** What a function writes to: the seq_file of a read in procfs. */
export interface SeqFile {
  text: string;
}

/** The circumstances of one call. */
export interface Call {
  readonly kernel: Kernel;
  /** Whose code it is that runs; undefined for vmlinux. */
  readonly module: Module | undefined;
  /** What the caller passes, if it is code that passes anything. */
  readonly args: readonly unknown[];
  readonly seq?: SeqFile;
}

/** What a function returns: an integer, or what a pointer in C would point to. */
export type Returned = number | object | undefined;

/** What a function does when it runs. */
export type Body = (call: Call) => Answer<Returned>;

export interface Code {
  readonly definition: FunctionDefinition;
  readonly name: string;
  /** The module that the code belongs to; undefined for vmlinux. */
  readonly module: Module | undefined;
  /** Offset from KERNEL_BASE; below 2^31, so a number holds it exactly. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Whether its entry is a call site that ftrace knows. */
  readonly traceable: boolean;
  /** Whether the unwinder knows its frames; code written in assembly may lack what that takes. */
  readonly unwind: boolean;
  readonly body: Body | undefined;
  /** The ftrace ops that are attached to the call site, the newest first. */
  readonly ops: FtraceOps[];
  /** FTRACE_FL_TOUCHED: somebody has seen its calls since boot. */
  touched: boolean;
  /** FTRACE_FL_MODIFIED: somebody has redirected them. */
  modified: boolean;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly traceable?: boolean;
  readonly unwind?: boolean;
  readonly body?: Body;
}

/** The symbols of one object, ascending by address. */
interface ObjectSymbols {
  readonly codes: Code[];
  readonly byName: Map<string, Code[]>;
}

export interface Kallsyms {
  /** By object; undefined is vmlinux, which comes first. */
  readonly objects: Map<Module | undefined, ObjectSymbols>;
  nextModuleOffset: number;
}

const FUNCTION_BYTES = 0x40;
const PAGE = 0x1000;
/** The first function of vmlinux, and MODULES_VADDR with KASLR, as offsets from KERNEL_BASE. */
const TEXT_OFFSET = 0x0100_0000;
const MODULES_OFFSET = 0x4000_0000;

/** Where modules begin is drawn once a boot. Source: arch/x86/kernel/module.c:get_module_load_offset(). */
export function createKallsyms(random: Random): Kallsyms {
  const objects: Kallsyms['objects'] = new Map();
  objects.set(undefined, { codes: [], byName: new Map() });
  const loadOffset = (randomBelow(random, 1024) + 1) * PAGE;
  return { objects, nextModuleOffset: MODULES_OFFSET + loadOffset };
}

/** Places functions of an object one after the other and makes them known. */
export function addSymbols(
  kallsyms: Kallsyms,
  module: Module | undefined,
  functions: readonly FunctionDefinition[],
): Code[] {
  const symbols: ObjectSymbols = kallsyms.objects.get(module) ?? { codes: [], byName: new Map() };
  kallsyms.objects.set(module, symbols);
  return functions.map((definition) => {
    const code: Code = {
      definition,
      name: definition.name,
      module,
      offset: (module?.offset ?? TEXT_OFFSET) + symbols.codes.length * FUNCTION_BYTES,
      sizeBytes: FUNCTION_BYTES,
      traceable: definition.traceable ?? true,
      unwind: definition.unwind ?? true,
      body: definition.body,
      ops: [],
      touched: false,
      modified: false,
    };
    symbols.codes.push(code);
    symbols.byName.set(code.name, [...(symbols.byName.get(code.name) ?? []), code]);
    return code;
  });
}

export function removeSymbols(kallsyms: Kallsyms, module: Module): void {
  kallsyms.objects.delete(module);
}

/** How much the code of these functions takes, in whole pages. */
export function textBytes(functions: readonly FunctionDefinition[]): number {
  return Math.ceil((functions.length * FUNCTION_BYTES) / PAGE) * PAGE;
}

/** Reserves room for a module's core section and answers its offset from KERNEL_BASE. */
export function allocateModuleText(kallsyms: Kallsyms, sizeBytes: number): number {
  const offset = kallsyms.nextModuleOffset;
  kallsyms.nextModuleOffset += Math.ceil(sizeBytes / PAGE) * PAGE + PAGE;
  return offset;
}

/** All functions of one name in one object, ascending by address. */
export function findSymbols(
  kallsyms: Kallsyms,
  module: Module | undefined,
  name: string,
): readonly Code[] {
  return kallsyms.objects.get(module)?.byName.get(name) ?? [];
}

/** The first function of that name: vmlinux before modules. */
export function lookupName(kallsyms: Kallsyms, name: string): Code | undefined {
  for (const { byName } of kallsyms.objects.values()) {
    const code = byName.get(name)?.[0];
    if (code) return code;
  }
  return undefined;
}

/** An address as the kernel prints it with %px: KERNEL_BASE is 0xffffffff80000000. */
export function formatAddress(offset: number): string {
  return `ffffffff${(0x8000_0000 + offset).toString(16)}`;
}

/** From a description to what the engine boots from. */
import type { BootOptions, TaskDefinition } from '../engine/boot.ts';
import { emit } from '../engine/events.ts';
import type { FunctionDefinition } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { LOG_LEVEL } from '../engine/printk.ts';
import type { Context } from '../engine/sched/context.ts';
import { PROC_SHOW_FUNCTIONS } from '../engine/vmlinux.ts';
import {
  type MachineDescription,
  type ModuleDescription,
  type SymbolDescription,
  symbolsOf,
  type TaskDescription,
  VMLINUX,
} from './description.ts';
import { toParameters } from './parameter.ts';
import { toSteps } from './program.ts';

/** `modules` are those that insmod finds beside the description's own. */
export function toBootOptions(
  description: MachineDescription,
  modules: readonly ModuleDefinition[],
  bootTimeMs: number,
): BootOptions {
  const { release, cmdline, reliable_stacktrace, cpus, seed, symbols, tasks } = description;
  const own = description.modules.map((module) =>
    toModule(module, symbolsOf(symbols, module.name)),
  );
  return {
    config: { release, version: `${release}.0`, cmdline, reliableStacktrace: reliable_stacktrace },
    cpus,
    seed,
    bootTimeMs,
    functions: withoutOwn(toFunctions(symbolsOf(symbols, VMLINUX))),
    modules: [...modules, ...own],
    tasks: toTaskDefinitions(tasks),
  };
}

/** The engine has its show functions already; a name given once is that one. */
function withoutOwn(functions: readonly FunctionDefinition[]): FunctionDefinition[] {
  const own = new Set(PROC_SHOW_FUNCTIONS.map(({ name }) => name));
  return functions.filter(({ name }) => !own.delete(name));
}

/** Those with a pid first, so that no other gets one that they ask for. */
export function toTaskDefinitions(tasks: readonly TaskDescription[]): TaskDefinition[] {
  return pidsFirst(tasks).flatMap(toTasks);
}

function pidsFirst(tasks: readonly TaskDescription[]): TaskDescription[] {
  return tasks.toSorted((a, b) => Number(a.pid === undefined) - Number(b.pid === undefined));
}

function toTasks({
  comm,
  pid,
  count = 1,
  kthread = false,
  cpu,
  program,
}: TaskDescription): TaskDefinition[] {
  const steps = toSteps(program ?? []);
  return Array.from({ length: count }, (_, index) => ({
    comm,
    pid: pid === undefined ? undefined : pid + index,
    kthread,
    cpu,
    program: steps,
  }));
}

function toFunctions(symbols: readonly SymbolDescription[]): FunctionDefinition[] {
  return symbols.map((symbol) =>
    typeof symbol === 'string'
      ? { name: symbol }
      : { name: symbol.name, traceable: symbol.traceable ?? true },
  );
}

/** A module that comes with the distribution: in tree and signed unless it says otherwise. */
function toModule(
  module: ModuleDescription,
  symbols: readonly SymbolDescription[],
): ModuleDefinition {
  const { name, intree = true, depends = [], parameters, log_init, log_exit } = module;
  return {
    name,
    livepatch: false,
    intree,
    depends,
    parameters: toParameters(parameters),
    functions: toFunctions(symbols),
    ...(log_init === undefined ? {} : { init: logs(`${name}: ${log_init}`) }),
    ...(log_exit === undefined ? {} : { exit: logs(`${name}: ${log_exit}`) }),
  };
}

function logs(text: string) {
  // biome-ignore lint/correctness/useYield: a context that never sleeps
  return function* (kernel: Kernel): Context {
    emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text });
  };
}

/** From a description to what the engine boots from. */
import type { BootOptions } from '../engine/boot.ts';
import { emit } from '../engine/events.ts';
import type { FunctionDefinition } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { LOG_LEVEL } from '../engine/printk.ts';
import type { TaskDefinition, ThreadDefinition } from '../engine/sched/start.ts';
import { OWN_FUNCTIONS } from '../engine/vmlinux.ts';
import {
  type MachineDescription,
  type ModuleDescription,
  type SymbolDescription,
  symbolsOf,
  type TaskDescription,
  type ThreadDescription,
  VMLINUX,
} from './description.ts';
import { toNanoseconds } from './duration.ts';
import { toParameters } from './parameter.ts';
import { toSteps } from './program.ts';
import { isNoinstr } from './vmlinuxSymbols.ts';

/** `modules` are those that insmod finds beside the description's own. */
export function toBootOptions(
  description: MachineDescription,
  modules: readonly ModuleDefinition[],
  bootTimeMs: number,
): BootOptions {
  const { release, cmdline, reliable_stacktrace, cpus, seed, symbols } = description;
  const own = description.modules.map((module) =>
    toModule(module, symbolsOf(symbols, module.name)),
  );
  return {
    config: { release, version: `${release}.0`, cmdline, reliableStacktrace: reliable_stacktrace },
    cpus,
    seed,
    bootTimeMs,
    functions: withoutOwn(toFunctions(symbolsOf(symbols, VMLINUX))).map((known) =>
      isNoinstr(known.name, release) ? { ...known, traceable: false } : known,
    ),
    modules: [...modules, ...own],
    tasks: toTaskDefinitions(description.tasks),
    interrupts: description.interrupts.map(({ cpu, every, call }) => ({
      cpu,
      periodNs: toNanoseconds(every),
      functions: call,
    })),
  };
}

/** The engine has its own functions already; a name given once is that one. */
function withoutOwn(functions: readonly FunctionDefinition[]): FunctionDefinition[] {
  const own = new Set(OWN_FUNCTIONS.map(({ name }) => name));
  return functions.filter(({ name }) => !own.delete(name));
}

export function toTaskDefinitions(tasks: readonly TaskDescription[]): TaskDefinition[] {
  return tasks.map((task) => {
    const { comm, kthread = false, threads = [] } = task;
    const others = threads.map((thread) => toThread(thread, thread.comm ?? comm));
    return { ...toThread(task, comm), kthread, threads: others };
  });
}

function toThread(
  { pid, count = 1, cpu, program = [] }: ThreadDescription,
  comm: string,
): ThreadDefinition {
  return { comm, pid, count, cpu, program: toSteps(program) };
}

function toFunctions(symbols: readonly SymbolDescription[]): FunctionDefinition[] {
  return symbols.map((symbol) =>
    typeof symbol === 'string'
      ? { name: symbol }
      : {
          name: symbol.name,
          traceable: symbol.traceable ?? true,
          unwind: symbol.unwind ?? true,
        },
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
    exit: log_exit === undefined ? () => {} : logs(`${name}: ${log_exit}`),
  };
}

function logs(text: string) {
  return (kernel: Kernel): void => {
    emit(kernel, { type: 'printk', level: LOG_LEVEL.info, text });
  };
}

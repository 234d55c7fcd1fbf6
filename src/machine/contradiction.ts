/** What a schema cannot see: parts of a machine that do not go together. */
import { isIn } from '../abi/release.ts';
import type { ModuleDefinition } from '../engine/module/model.ts';
import { ownFunctionsOf } from '../engine/vmlinux.ts';
import { type MachineDescription, symbolNameOf, VMLINUX } from './description.ts';
import type { Finding } from './document.ts';
import type { Path } from './machineError.ts';
import { findModuleContradictions } from './moduleGraph.ts';
import { suggestion } from './nearest.ts';
import { findPidContradictions } from './pids.ts';
import { type StepDescription, walkSteps } from './program.ts';
import { walkThreads } from './threads.ts';

/** Where a value stands in the text, for errors that name two places. */
export type LineOf = (path: Path) => number;

export function findContradictions(
  machine: MachineDescription,
  available: readonly ModuleDefinition[],
  lineOf: LineOf,
): Finding[] {
  const functions = functionsOf(machine, available);
  return [
    ...findModuleContradictions(machine, available, lineOf),
    ...findSymbolContradictions(machine),
    ...findPidContradictions(machine, lineOf),
    ...findCpuContradictions(machine),
    ...findThreadContradictions(machine),
    ...findProgramContradictions(machine, functions),
    ...findInterruptContradictions(machine, functions),
  ];
}

/** Every function that may come to exist on the machine, by name. */
function functionsOf(machine: MachineDescription, available: readonly ModuleDefinition[]) {
  const described = Object.values(machine.symbols).flat().map(symbolNameOf);
  const fitting = available.filter(({ releases }) => !releases || isIn(machine.release, releases));
  const others = [
    ...ownFunctionsOf(machine.release),
    ...fitting.flatMap(({ functions }) => functions),
  ];
  return new Set([...described, ...others.map(({ name }) => name)]);
}

/** Functions belong to vmlinux or to a module of this description. */
function* findSymbolContradictions({ symbols, modules }: MachineDescription): Generator<Finding> {
  const objects = [VMLINUX, ...modules.map(({ name }) => name)];
  for (const object of Object.keys(symbols)) {
    if (objects.includes(object)) continue;
    const message = `is no object of this machine${suggestion(object, objects)}: vmlinux and what 'modules' lists are`;
    yield { path: ['symbols', object], message, atKey: true };
  }
}

function* findCpuContradictions(machine: MachineDescription): Generator<Finding> {
  const { cpus, interrupts } = machine;
  const threads = [...walkThreads(machine)].map(({ described: { cpu }, path }) => ({ cpu, path }));
  const handlers = interrupts.map(({ cpu }, index) => ({ cpu, path: ['interrupts', index] }));
  for (const { cpu, path } of [...threads, ...handlers]) {
    if (cpu === undefined || cpu < cpus) continue;
    const message = `there is no cpu ${cpu}: the machine has ${cpus}, counted from 0`;
    yield { path: [...path, 'cpu'], message };
  }
}

function* findThreadContradictions({ tasks }: MachineDescription): Generator<Finding> {
  for (const [index, { kthread = false, count = 1, threads = [] }] of tasks.entries()) {
    const path = ['tasks', index, 'threads'];
    if (kthread && threads.length > 0) {
      yield { path, message: 'a kthread has no threads', atKey: true };
    }
    for (const [number, { pid }] of threads.entries()) {
      if (pid === undefined || count === 1) continue;
      const message = `${count} processes cannot all have this thread: leave the pid out`;
      yield { path: [...path, number, 'pid'], message };
    }
  }
}

function* findProgramContradictions(
  machine: MachineDescription,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  for (const { described, path, kthread } of walkThreads(machine)) {
    for (const { step, path: place } of walkSteps(described.program ?? [], [...path, 'program'])) {
      yield* findMisplacedVerbs(step, place, kthread);
      yield* findUnknownFunctions(step, place, functions);
    }
  }
}

function* findInterruptContradictions(
  { interrupts }: MachineDescription,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  for (const [index, { call }] of interrupts.entries()) {
    yield* findUnknown(call, ['interrupts', index, 'call'], functions);
  }
}

/** A kthread has no user space to be in, and so no system calls to make. */
function* findMisplacedVerbs(
  step: StepDescription,
  path: Path,
  kthread: boolean,
): Generator<Finding> {
  if (kthread && step.user !== undefined) {
    yield {
      path: [...path, 'user'],
      message: 'a kthread has no user space: use sleep_in or call',
      atKey: true,
    };
  }
  for (const verb of FAMILY_VERBS.filter((known) => kthread && known in step)) {
    yield { path: [...path, verb], message: 'a kthread has no children or threads', atKey: true };
  }
  if (kthread && step.syscall) {
    yield {
      path: [...path, 'syscall'],
      message: 'a kthread makes no system calls: use call',
      atKey: true,
    };
  }
  if (!kthread && step.call !== undefined) {
    yield {
      path: [...path, 'call'],
      message: 'a user task enters the kernel by syscall: call is for kthreads',
      atKey: true,
    };
  }
}

const FAMILY_VERBS = ['fork', 'thread', 'wait_child', 'exit_group'] as const;

function* findUnknownFunctions(
  { call, syscall, sleep_in }: StepDescription,
  path: Path,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  if (call !== undefined) yield* complainUnlessKnown(call, [...path, 'call'], functions);
  yield* findUnknown(syscall ?? [], [...path, 'syscall'], functions);
  yield* findUnknown(sleep_in ?? [], [...path, 'sleep_in'], functions);
}

function* findUnknown(
  names: readonly string[],
  path: Path,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  for (const [index, name] of names.entries()) {
    yield* complainUnlessKnown(name, [...path, index], functions);
  }
}

function* complainUnlessKnown(
  name: string,
  path: Path,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  if (functions.has(name)) return;
  yield { path, message: `no object has a function '${name}'${suggestion(name, functions)}` };
}

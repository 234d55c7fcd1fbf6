/** What a schema cannot see: parts of a machine that do not go together. */
import type { ModuleDefinition } from '../engine/module/model.ts';
import { PROC_SHOW_FUNCTIONS } from '../engine/vmlinux.ts';
import { type MachineDescription, symbolNameOf, VMLINUX } from './description.ts';
import type { Finding } from './document.ts';
import type { Path } from './machineError.ts';
import { findModuleContradictions } from './moduleGraph.ts';
import { suggestion } from './nearest.ts';
import { findPidContradictions } from './pids.ts';
import { type StepDescription, walkSteps } from './program.ts';

/** Where a value stands in the text, for errors that name two places. */
export type LineOf = (path: Path) => number;

export function findContradictions(
  machine: MachineDescription,
  available: readonly ModuleDefinition[],
  lineOf: LineOf,
): Finding[] {
  return [
    ...findModuleContradictions(machine, available, lineOf),
    ...findSymbolContradictions(machine),
    ...findPidContradictions(machine, lineOf),
    ...findCpuContradictions(machine),
    ...findProgramContradictions(machine, functionsOf(machine, available)),
  ];
}

/** Every function that may come to exist on the machine, by name. */
function functionsOf(machine: MachineDescription, available: readonly ModuleDefinition[]) {
  const described = Object.values(machine.symbols).flat().map(symbolNameOf);
  const others = [...PROC_SHOW_FUNCTIONS, ...available.flatMap(({ functions }) => functions)];
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

function* findCpuContradictions({ tasks, cpus }: MachineDescription): Generator<Finding> {
  for (const [index, { cpu }] of tasks.entries()) {
    if (cpu === undefined || cpu < cpus) continue;
    const message = `there is no cpu ${cpu}: the machine has ${cpus}, counted from 0`;
    yield { path: ['tasks', index, 'cpu'], message };
  }
}

function* findProgramContradictions(
  { tasks }: MachineDescription,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  for (const [index, { kthread = false, program = [] }] of tasks.entries()) {
    for (const { step, path } of walkSteps(program, ['tasks', index, 'program'])) {
      yield* findMisplacedVerbs(step, path, kthread);
      yield* findUnknownFunctions(step, path, functions);
    }
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
  if (kthread && step.fork) {
    yield { path: [...path, 'fork'], message: 'a kthread does not fork', atKey: true };
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

function* findUnknownFunctions(
  { call, syscall, sleep_in }: StepDescription,
  path: Path,
  functions: ReadonlySet<string>,
): Generator<Finding> {
  const named: [name: string, path: Path][] = [
    ...(call === undefined ? [] : [[call, [...path, 'call']] satisfies [string, Path]]),
  ];
  for (const [verb, list] of Object.entries({ syscall, sleep_in })) {
    for (const [index, name] of (list ?? []).entries()) named.push([name, [...path, verb, index]]);
  }
  for (const [name, place] of named) {
    if (functions.has(name)) continue;
    yield {
      path: place,
      message: `no object has a function '${name}'${suggestion(name, functions)}`,
    };
  }
}

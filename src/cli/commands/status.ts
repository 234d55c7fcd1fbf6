/** `klpfs status`: the machine and its patches at a glance. */
import type { Command } from 'commander';
import { type Configuration, readConfiguration } from '../machineConfiguration.ts';
import {
  addMachineOption,
  type Machine,
  type MachineOptions,
  openMachine,
  readText,
} from '../machineFiles.ts';
import { print, printJson } from '../output.ts';
import { listObjects, listPatches, type ObjectRow, readRefcnt, seePatch } from '../patches.ts';
import { type Crossing, describeBehind, formatCrossing, readTransitionOf } from '../transition.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

/** Named as `status --json` prints it. */
export interface PatchStatus {
  readonly name: string;
  readonly enabled: boolean;
  readonly transition: boolean;
  readonly refcnt: number | undefined;
  readonly objects: readonly ObjectRow[];
  /** Only during its transition. */
  readonly tasks?: Crossing;
}

export interface Status {
  readonly mount: string;
  readonly release: string;
  readonly cpus: number;
  readonly clock: Configuration['clock'];
  readonly uptime_seconds: number;
  readonly patches: readonly PatchStatus[];
}

export function addStatusCommand(program: Command): void {
  addMachineOption(program.command('status'))
    .description('show the machine and its patches, and who holds up a transition')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ klpfs status
  $ klpfs status --json | jq -r '.patches[] | select(.transition).tasks.behind[].comm'

The same as files: sys/kernel/livepatch, sys/module/NAME/refcnt,
control/transition, control/machine, proc/uptime`,
    )
    .action(async (options: Options) => {
      const status = readStatus(await openMachine(options));
      if (options.json) printJson(status);
      else print(formatStatus(status));
    });
}

function readStatus(machine: Machine): Status {
  const { release, cpus, clock } = readConfiguration(machine);
  return {
    mount: machine.directory,
    release,
    cpus,
    clock,
    uptime_seconds: Number.parseFloat(readText(machine, 'proc/uptime')),
    patches: listPatches(machine).flatMap((name) => readPatch(machine, name)),
  };
}

/** None if it has just gone. */
function readPatch(machine: Machine, name: string): PatchStatus[] {
  const sight = seePatch(machine, name);
  if (sight.kind !== 'present') return [];
  const { enabled, transition } = sight;
  const refcnt = readRefcnt(machine, name);
  const status = { name, enabled, transition, refcnt, objects: listObjects(machine, name) };
  const crossing = transition ? readTransitionOf(machine, name) : undefined;
  if (!crossing) return [status];
  const { all, behind } = crossing;
  return [{ ...status, tasks: { all, behind } }];
}

export function formatStatus(status: Status): string {
  const { mount, release, cpus, clock, uptime_seconds: uptime, patches } = status;
  const machine = [
    `machine on ${mount}`,
    `  Linux ${release}, ${cpus} ${cpus === 1 ? 'cpu' : 'cpus'}, up ${uptime.toFixed(2)} s${clock === 'manual' ? ', manual clock' : ''}`,
  ];
  const lines = patches.length > 0 ? patches.flatMap(describePatch) : ['no patches'];
  return [...machine, ...lines, ''].join('\n');
}

function describePatch({ name, enabled, transition, refcnt, objects, tasks }: PatchStatus) {
  const state = enabled ? 'enabled' : 'disabled';
  return [
    `patch ${name}: ${state}${transition ? ', in transition' : ''}, module refcnt ${refcnt ?? '?'}`,
    ...objects.map((object) => `  ${describeObject(object)}`),
    ...(tasks ? describeCrossing(tasks, enabled).map((line) => `  ${line}`) : []),
  ];
}

function describeObject({ name, patched, funcs }: ObjectRow): string {
  const functions = funcs.map(({ name: func, sympos }) =>
    sympos > 1 ? `${func},${sympos}` : func,
  );
  return `${name}${patched === false ? ' (not patched)' : ''}: ${functions.join(', ') || 'no functions'}`;
}

function describeCrossing(crossing: Crossing, enabled: boolean): string[] {
  const behind = describeBehind(crossing).map((line) => `  ${line}`);
  const next = behind.length > 0 ? '; these are not yet:' : '';
  return [`${formatCrossing(crossing)} to ${enabled ? 'patched' : 'unpatched'}${next}`, ...behind];
}

/** `klpfs cpu`: lists the cpus, takes one offline or back online. */
import { Argument, type Command } from 'commander';
import { CommandError, EXIT } from '../commandError.ts';
import { type CpuRow, describeRunning, parseCpuNumber, readCpus } from '../cpus.ts';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { formatTable, print, printJson } from '../output.ts';
import { requestWithReason } from '../refusal.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

const HEADER = ['CPU', 'STATE', 'RUNS'];

export function addCpuCommand(program: Command): void {
  addMachineOption(program.command('cpu'))
    .description('list the cpus and what they run; take one offline, or back online')
    .argument('[n]', 'the cpu (default: list them all)', parseCpuNumber)
    .addArgument(new Argument('[state]', 'whether it is to run').choices(['on', 'off']))
    .option('--json', 'list as JSON')
    .addHelpText(
      'after',
      `
What is on a cpu that goes offline moves to cpu 0, which stays. In a transition
the idle task of an offline cpu is switched as it is.

Examples:
  $ klpfs cpu
  $ klpfs cpu 1 off
  $ klpfs cpu --json | jq -r '.[] | select(.runs).runs.comm'

The same as a file: echo 1 off > control/cpu`,
    )
    .action(async (cpu: number | undefined, state: string | undefined, options: Options) => {
      if (cpu !== undefined && state === undefined) {
        throw new CommandError(
          "missing required argument 'state' (see klpfs cpu --help)",
          EXIT.usage,
        );
      }
      const machine = await openMachine(options);
      if (cpu !== undefined) {
        requestWithReason(machine, 'cpu', `${cpu} ${state}`, `cpu ${cpu}`);
        return;
      }
      const cpus = readCpus(machine);
      if (options.json) printJson(cpus);
      else print(formatCpus(cpus));
    });
}

export function formatCpus(cpus: readonly CpuRow[]): string {
  const rows = cpus.map((row) => [
    String(row.cpu),
    row.online ? 'online' : 'offline',
    describeRunning(row),
  ]);
  return formatTable([HEADER, ...rows]);
}

/** `klpfs dmesg`: dmesg(1) on the machine; or dev/kmsg as JSON. */
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { LogCursor, type LogRecord } from '../kernelLog.ts';
import { type Machine, type MachineOptions, openMachine } from '../machineFiles.ts';
import { print, printJson } from '../output.ts';
import { addToolCommand, requireSuccess, runTool } from '../tool.ts';

interface Options extends MachineOptions {
  readonly json?: true;
}

const POLL_MS = 100;
const FOLLOW = /^(-[^-]*w|--follow$)/;

export function addDmesgCommand(program: Command): void {
  addToolCommand(program, 'dmesg')
    .description('print the kernel log')
    .option('--json', 'all of it as a JSON array; with --follow, as an object a line')
    .addHelpText(
      'after',
      `
The arguments are those of dmesg(1): -w to wait for new records, until Ctrl-C; -T, -t, -d,
-x, -r to print times and levels otherwise; -l and -f to choose; -C to begin anew.

Examples:
  $ klpfs dmesg | grep livepatch
  $ klpfs dmesg -w

The same as a file: dev/kmsg. Writing to it adds a record:
  $ echo 'here my test begins' > dev/kmsg`,
    )
    .action(async (words: string[], options: Options) => {
      const machine = await openMachine(options);
      if (options.json)
        await printAll(
          machine,
          words.some((word) => FOLLOW.test(word)),
        );
      else requireSuccess(await runTool(machine, [`TZ=${zone()}`, 'dmesg', ...words]));
    });
}

async function printAll(machine: Machine, follow: boolean): Promise<void> {
  const cursor = new LogCursor(machine);
  if (!follow) printJson([...cursor.takeNew()]);
  while (follow) {
    print([...cursor.takeNew()].map(formatJsonLine).join(''));
    await setTimeout(POLL_MS);
  }
}

function formatJsonLine(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** What TZ would be in a zone whose time never changes: it says how far its time is behind. */
function zone(): string {
  const behind = new Date().getTimezoneOffset();
  const two = (number: number) => String(number).padStart(2, '0');
  const minutes = Math.abs(behind);
  return `<local>${behind < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** `klpfs dmesg`: dev/kmsg as dmesg(1) prints it. */
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { formatRecord, LogCursor, type LogRecord } from '../kernelLog.ts';
import { addMachineOption, type MachineOptions, openMachine } from '../machineFiles.ts';
import { print, printJson } from '../output.ts';

interface Options extends MachineOptions {
  readonly follow?: true;
  readonly json?: true;
}

const POLL_MS = 100;

export function addDmesgCommand(program: Command): void {
  addMachineOption(program.command('dmesg'))
    .description('print the kernel log')
    .option('-w, --follow', 'wait for new records, until Ctrl-C')
    .option('--json', 'as a JSON array; with --follow, as an object a line')
    .addHelpText(
      'after',
      `
Examples:
  $ klpfs dmesg | grep livepatch
  $ klpfs dmesg -w

The same as a file: dev/kmsg. Writing to it adds a record:
  $ echo 'here my test begins' > dev/kmsg`,
    )
    .action(async (options: Options) => {
      const cursor = new LogCursor(await openMachine(options));
      if (options.follow) await follow(cursor, options.json ? formatJsonLine : formatRecord);
      else if (options.json) printJson([...cursor.takeNew()]);
      else printRecords(cursor, formatRecord);
    });
}

async function follow(cursor: LogCursor, format: (record: LogRecord) => string): Promise<never> {
  for (;;) {
    printRecords(cursor, format);
    await setTimeout(POLL_MS);
  }
}

function printRecords(cursor: LogCursor, format: (record: LogRecord) => string): void {
  print([...cursor.takeNew()].map((record) => `${format(record)}\n`).join(''));
}

function formatJsonLine(record: LogRecord): string {
  return JSON.stringify(record);
}

/** How long it takes to list the tasks of a crowded machine. */
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { crowd, startMachine } from './machine.ts';
import { KLPFS, note } from './measured.ts';
import { CLI, timeMs } from './program.ts';

const TASKS = 100_000;

export async function benchListing(bench: Bench): Promise<void> {
  const machine = await startMachine(bench, crowd(TASKS), 'auto');
  const commands = [
    ['ls -f proc', 'ls', '-f', join(machine.directory, 'proc')],
    ['klpfs ps', CLI, 'ps', '--mount', machine.directory],
  ] as const;
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const [label, command, ...args] of commands) {
      const ms = await timeMs(command, args);
      note(bench.measured, [`${label} of ${TASKS} tasks, s`, KLPFS], ms / 1000);
    }
  }
  await machine.stop();
}

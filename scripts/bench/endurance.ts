/** Whether a server that has served for long needs more memory than one that has just begun. */
import type { Bench } from './bench.ts';
import { type ClientOperation, runClients } from './client.ts';
import { attributeOf, startMachine } from './machine.ts';
import { KLPFS, note } from './measured.ts';
import { memoryMb } from './start.ts';

interface Trial {
  readonly operation: ClientOperation;
  readonly early: number;
  readonly late: number;
}

const CLIENTS = 16;

/** Early is when what is needed at first is there. */
export const TRIALS: readonly Trial[] = [
  { operation: 'pread', early: 100_000, late: 10_000_000 },
  { operation: 'orc', early: 1_000_000, late: 2_000_000 },
];

export const memoryAfter = (operations: number, what: ClientOperation) =>
  `memory after ${operations} ${what}, MB`;

export async function benchEndurance(bench: Bench): Promise<void> {
  for (const { operation, early, late } of TRIALS) {
    const machine = await startMachine(bench, 'load: [livepatch-sample]\n', 'auto');
    const path = attributeOf(machine, 'enabled');
    const perform = (operations: number) =>
      runClients(bench, { operation, path, clients: CLIENTS, until: { operations } });
    await perform(early);
    note(bench.measured, [memoryAfter(early, operation), KLPFS], memoryMb(machine));
    await perform(late - early);
    note(bench.measured, [memoryAfter(late, operation), KLPFS], memoryMb(machine));
    await machine.stop();
  }
}

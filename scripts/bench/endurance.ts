/** Whether a server that has served for long needs more memory than one that has just begun. */
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { type ClientOperation, runClients } from './client.ts';
import { note } from './measured.ts';
import { PEERS } from './peers.ts';
import { memoryMb } from './start.ts';

interface Trial {
  readonly operation: ClientOperation;
  readonly early: number;
  readonly late: number;
}

const CLIENTS = 16;
const SUBJECTS = ['klpfs', 'klpfs, fuse-native'];

export const TRIALS: readonly Trial[] = [
  { operation: 'pread', early: 100_000, late: 10_000_000 },
  { operation: 'orc', early: 100_000, late: 1_000_000 },
];

export const memoryAfter = (operations: number, what: ClientOperation) =>
  `memory after ${operations} ${what}, MB`;

export async function benchEndurance(bench: Bench): Promise<void> {
  for (const peer of PEERS.filter(({ name }) => SUBJECTS.includes(name))) {
    for (const { operation, early, late } of TRIALS) {
      const server = await peer.serve(bench);
      if (!server) continue;
      const path = join(server.directory, peer.paths.attribute);
      const perform = (operations: number) =>
        runClients(bench, { operation, path, clients: CLIENTS, until: { operations } });
      await perform(early);
      note(bench.measured, [memoryAfter(early, operation), peer.name], memoryMb(server));
      await perform(late - early);
      note(bench.measured, [memoryAfter(late, operation), peer.name], memoryMb(server));
      await server.stop();
    }
  }
}

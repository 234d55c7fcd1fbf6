/** All peers, mounted side by side; in every round each operation goes over all of them in turn. */
import { join } from 'node:path';
import process from 'node:process';
import type { Bench, Server } from './bench.ts';
import { note } from './measured.ts';
import { OPERATIONS, type Operation } from './operations.ts';
import { PEERS, type Peer } from './peers.ts';
import { installPeers } from './tools.ts';

interface Served {
  readonly peer: Peer;
  readonly server: Server | undefined;
}

export async function benchRequests(bench: Bench): Promise<void> {
  await installPeers();
  const served: Served[] = [];
  for (const peer of PEERS) {
    if (isPossible(peer)) served.push({ peer, server: await peer.serve(bench) });
    else process.stdout.write(`${peer.name} is left out: it needs root\n`);
  }
  for (const { operation, who } of turns(served, bench.rounds)) {
    await takeTurn(bench, operation, who);
  }
  for (const { server } of served) await server?.stop();
}

function isPossible({ needs }: Peer): boolean {
  return needs !== 'root' || process.geteuid?.() === 0;
}

interface Turn<Who> {
  readonly operation: Operation;
  readonly who: Who;
}

/** Operation by operation over all, beginning with another one in every round. */
export function* turns<Who>(all: readonly Who[], rounds: number): Generator<Turn<Who>> {
  for (let round = 0; round < rounds; round += 1) {
    const first = round % all.length;
    const order = [...all.slice(first), ...all.slice(0, first)];
    for (const operation of OPERATIONS) {
      for (const who of order) yield { operation, who };
    }
  }
}

async function takeTurn(bench: Bench, operation: Operation, { peer, server }: Served) {
  const name = peer.paths[operation.on];
  if (name === undefined) return;
  const path = server ? join(server.directory, name) : name;
  const values = await operation.perform(bench, { path, server });
  for (const [quantity, value] of Object.entries(values)) {
    note(bench.measured, [`${operation.name}, ${quantity}`, peer.name], value);
  }
}

/** What is done to every peer in turn: a row each. */
import type { Bench, Server } from './bench.ts';
import { type ClientOperation, runClients } from './client.ts';
import { onOneCpu, THE_CPU } from './oneCpu.ts';
import type { Paths } from './peers.ts';
import { timeMs } from './program.ts';

const TURN_MS = 300;
const CROWD_TURN_MS = 700;
const LOOPS = 2000;

export interface Target {
  readonly path: string;
  readonly server: Server | undefined;
}

export interface Operation {
  readonly name: string;
  readonly on: keyof Paths;
  /** Values, by what they are of. */
  readonly perform: (bench: Bench, target: Target) => Promise<Readonly<Record<string, number>>>;
}

export const OPERATIONS: readonly Operation[] = [
  { name: 'pread', on: 'attribute', perform: boundClient('pread') },
  { name: 'open+read+close', on: 'shallow', perform: boundClient('orc') },
  { name: 'open+read+close deep', on: 'deep', perform: boundClient('orc') },
  { name: 'stat', on: 'deep', perform: boundClient('stat') },
  { name: 'write', on: 'writable', perform: boundClient('write') },
  { name: 'pread, not bound', on: 'attribute', perform: clients('pread', 1) },
  { name: 'pread, 4 clients', on: 'attribute', perform: clients('pread', 4) },
  { name: 'pread, 16 clients', on: 'attribute', perform: clients('pread', 16) },
  { name: 'read x <f', on: 'attribute', perform: bash('read x < "$0"') },
  { name: 'while read', on: 'attribute', perform: bash('while read x; do :; done < "$0"') },
];

/** One client, on the cpu of its server. */
function boundClient(operation: ClientOperation): Operation['perform'] {
  const perform = clients(operation, 1, THE_CPU);
  return (bench, target) => onOneCpu(target.server, () => perform(bench, target));
}

function clients(operation: ClientOperation, count: number, cpu?: string): Operation['perform'] {
  const until = { ms: count === 1 ? TURN_MS : CROWD_TURN_MS };
  return async (bench, { path, server }) => {
    const serverPid = server?.process.pid;
    const task = { operation, path, clients: count, until, serverPid, cpu };
    const result = await runClients(bench, task);
    return {
      'p50 us': result.p50Us,
      'p99 us': result.p99Us,
      'per second': result.perSecond,
      ...(server && { 'cpu us': result.cpuUs }),
    };
  };
}

/** So many times in one shell. */
function bash(command: string): Operation['perform'] {
  const script = `for ((i = 0; i < ${LOOPS}; i++)); do ${command}; done`;
  return async (_bench, { path }) => ({ ms: await timeMs('bash', ['-c', script, path]) });
}

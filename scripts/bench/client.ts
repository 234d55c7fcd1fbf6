/** Clients of a mount: scripts/peers/client.c, the same for everybody. */
import type { Bench } from './bench.ts';
import { run } from './program.ts';
import { build } from './tools.ts';

export type ClientOperation = 'pread' | 'probe' | 'orc' | 'stat' | 'write' | 'toggle';

export interface ClientResult {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Of the server, for each operation; 0 if none was named. */
  readonly cpuUs: number;
}

export interface ClientTask {
  readonly operation: ClientOperation;
  readonly path: string;
  /** How many at a time. */
  readonly clients: number;
  readonly until: { readonly ms: number } | { readonly operations: number };
  /** Whose cpu time is of interest. */
  readonly serverPid?: number | undefined;
  /** Where they have to run; wherever Linux lets them, unless said. */
  readonly cpu?: string | undefined;
}

export async function runClients(bench: Bench, task: ClientTask): Promise<ClientResult> {
  const { operation, path, clients, until, serverPid, cpu } = task;
  const program = await build(bench, 'client');
  const limit = 'ms' in until ? ['-t', until.ms] : ['-c', until.operations];
  const server = serverPid === undefined ? [] : ['-s', serverPid];
  const args = [operation, path, '-n', clients, ...limit, ...server].map(String);
  const command = cpu === undefined ? [program] : ['taskset', '--cpu-list', cpu, program];
  const [first = '', ...rest] = [...command, ...args];
  return JSON.parse(await run(first, rest));
}

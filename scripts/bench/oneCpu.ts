/** A server and its client on one cpu, so that Linux has no choice where to let them run. */
import { availableParallelism } from 'node:os';
import type { Server } from './bench.ts';
import { run } from './program.ts';

const ALL_CPUS = `0-${availableParallelism() - 1}`;
/** The first one has most of the interrupts. */
export const THE_CPU = String(availableParallelism() - 1);

/** Binds the server, all its threads, for as long as that takes. */
export async function onOneCpu<T>(server: Server | undefined, measure: () => Promise<T>) {
  await bind(server, THE_CPU);
  try {
    return await measure();
  } finally {
    await bind(server, ALL_CPUS);
  }
}

async function bind(server: Server | undefined, cpus: string): Promise<void> {
  const pid = server?.process.pid;
  if (pid !== undefined)
    await run('taskset', ['--all-tasks', '--cpu-list', '--pid', cpus, `${pid}`]);
}

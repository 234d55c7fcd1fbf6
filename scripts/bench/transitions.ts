/** Whether others are answered in time while a transition goes over many tasks. */
import type { Bench } from './bench.ts';
import { type ClientOperation, runClients } from './client.ts';
import { attributeOf, crowd, eventLoopDelayMs, startMachine } from './machine.ts';
import { KLPFS, note } from './measured.ts';

/** How many tasks a machine has, in turns. */
export const CROWDS = [100, 10_000, 100_000, 1_000_000];
const WARM_UP_MS = 300;
const CONTEST_MS = 3000;
const ALONE_MS = 1500;

export const transitionOf = (tasks: number) => `transition of ${tasks} tasks, us`;
export const requestsDuring = (tasks: number) => `requests among ${tasks} tasks, p99 ms`;
export const eventLoopDuring = (tasks: number) => `event loop among ${tasks} tasks, p99.9 ms`;

export async function benchTransitions(bench: Bench): Promise<void> {
  for (const tasks of CROWDS) {
    const machine = await startMachine(bench, crowd(tasks), 'auto');
    const client = (operation: ClientOperation, name: string, ms: number) =>
      runClients(bench, { operation, path: attributeOf(machine, name), clients: 1, until: { ms } });
    await client('toggle', 'enabled', WARM_UP_MS);
    const probing = client('probe', 'transition', CONTEST_MS);
    const both = Promise.all([client('toggle', 'enabled', CONTEST_MS), probing]);
    const delayMs = await eventLoopDelayMs(machine, both);
    const alone = await client('toggle', 'enabled', ALONE_MS);
    const keep = (measure: string, value: number) => note(bench.measured, [measure, KLPFS], value);
    keep(transitionOf(tasks), alone.p50Us);
    keep(requestsDuring(tasks), (await probing).p99Us / 1000);
    keep(eventLoopDuring(tasks), delayMs);
    await machine.stop();
  }
}

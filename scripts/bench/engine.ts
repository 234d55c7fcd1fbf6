/** What klpfs costs without a mount, in processes of their own. */
import { resolve } from 'node:path';
import process from 'node:process';
import type { Bench } from './bench.ts';
import type { CallCosts } from './callCosts.ts';
import type { Latencies } from './latencies.ts';
import { KLPFS, note } from './measured.ts';
import type { PatchCosts } from './patchCosts.ts';
import { run } from './program.ts';
import type { RequestCosts } from './requestCosts.ts';
import type { TaskCosts } from './taskCosts.ts';

const CROWDS = [10_000, 100_000, 1_000_000];
const LARGEST_CROWD = 1_000_000;

/** Situations of a call whose cost is limited, as callCosts.ts names them. */
export const PATCHED = [
  'patched',
  'patched, in transition, task unpatched',
  'patched, in transition, task patched',
  'patched 10 times',
  'patched 100 times',
  'patched 100 times, in transition, task unpatched',
];

/** Requests whose cost is limited, as requestCosts.ts names them: those for which no task runs. */
export const QUICK_REQUESTS = [
  'read enabled',
  'lookup',
  'lookup of a missing name',
  'getattr',
  'getattr of a directory',
  'open and release',
];

/** What latencies.ts has a crowd go through. */
export const SITUATIONS = ['toggled', 'stuck'] as const;

/** What patchCosts.ts loads a thousand patches on. */
export const PATCHED_MACHINES = ['4.15', '6.1'].flatMap((release) =>
  ['own', 'same'].map((functions) => ({
    name: `${release}, ${functions} functions`,
    args: [release, functions],
  })),
);

export const callOf = (situation: string) => `call, ${situation}, ns`;
export const requestOf = (kind: string) => `request, ${kind}, us`;
export const requestsWhile = (situation: string) =>
  `requests while ${LARGEST_CROWD} tasks are ${situation}, p99 ms`;
export const turnsWhile = (situation: string) =>
  `event loop while ${LARGEST_CROWD} tasks are ${situation}, p99.9 ms`;
export const FIRST_LOADS = '1000 patches: each of the first 100 loads, ms';
export const LAST_LOADS = '1000 patches: each of the last 100 loads, ms';

/** What the program beside this one prints. It may ask for garbage to be collected. */
async function measure<Costs>(program: string, ...args: (string | number)[]): Promise<Costs> {
  const path = resolve(import.meta.dirname, `${program}.js`);
  return JSON.parse(await run(process.execPath, ['--expose-gc', path, ...args.map(String)]));
}

export async function benchRequestPath({ measured }: Bench): Promise<void> {
  const costs = await measure<RequestCosts>('requestCosts');
  for (const [kind, us] of Object.entries(costs)) note(measured, [requestOf(kind), KLPFS], us);
}

export async function benchCalls({ measured }: Bench): Promise<void> {
  const { calls, enablingMs } = await measure<CallCosts>('callCosts');
  for (const [situation, ns] of Object.entries(calls)) {
    note(measured, [callOf(situation), KLPFS], ns);
  }
  note(measured, ['enabling 10000 functions, ms', KLPFS], enablingMs);
}

/** One does not pay for the memory of the other. */
export async function benchTasks({ measured }: Bench): Promise<void> {
  for (const tasks of CROWDS) {
    const costs = await measure<TaskCosts>('taskCosts', tasks);
    const keep = (measure: string, value: number) =>
      note(measured, [`${measure} of ${tasks} tasks`, KLPFS], value);
    keep('bytes for each', costs.bytesPerTask);
    keep('cpu ms to boot', costs.bootMs);
    keep('cpu ms for a transition', costs.transitionMs);
    keep('cpu ms for a pass', costs.passMs);
  }
}

export async function benchLatencies({ measured }: Bench): Promise<void> {
  for (const situation of SITUATIONS) {
    const latencies = await measure<Latencies>('latencies', LARGEST_CROWD, situation);
    note(measured, [requestsWhile(situation), KLPFS], latencies.requestP99Ms);
    note(measured, [turnsWhile(situation), KLPFS], latencies.turnP999Ms);
  }
}

export async function benchPatches({ measured }: Bench): Promise<void> {
  for (const { name, args } of PATCHED_MACHINES) {
    const costs = await measure<PatchCosts>('patchCosts', ...args);
    const keep = (measure: string, value: number) => note(measured, [measure, name], value);
    keep('1000 patches: all loads, ms', costs.totalMs);
    keep(FIRST_LOADS, costs.firstLoadsMs);
    keep(LAST_LOADS, costs.lastLoadsMs);
    keep('1000 patches: ls, ms', costs.listingMs);
    keep('1000 patches: stat of an object, us', costs.statUs);
    keep('1000 patches: read of enabled, us', costs.readUs);
    keep('1000 patches: read of proc/modules, ms', costs.procModulesMs);
    keep('1 patch: a patched call, ns', costs.firstCallNs);
    keep('1000 patches: a patched call, ns', costs.lastCallNs);
  }
}

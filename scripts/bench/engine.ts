/** What the engine costs without a mount, in processes of their own. */
import { resolve } from 'node:path';
import process from 'node:process';
import type { Bench } from './bench.ts';
import type { CallCosts } from './callCosts.ts';
import { KLPFS, note } from './measured.ts';
import { run } from './program.ts';
import type { TaskCosts } from './taskCosts.ts';

const CALLS = resolve(import.meta.dirname, 'callCosts.js');
const TASKS = resolve(import.meta.dirname, 'taskCosts.js');

const CROWDS = [10_000, 100_000, 1_000_000];

/** Situations of a call whose cost is limited, as callCosts.ts names them. */
export const PATCHED = [
  'patched',
  'patched, in transition, task unpatched',
  'patched, in transition, task patched',
  'patched 10 times',
  'patched 100 times',
  'patched 100 times, in transition, task unpatched',
];

export const callOf = (situation: string) => `call, ${situation}, ns`;

export async function benchCalls({ measured }: Bench): Promise<void> {
  const { calls, enablingMs }: CallCosts = JSON.parse(await run(process.execPath, [CALLS]));
  for (const [situation, ns] of Object.entries(calls)) {
    note(measured, [callOf(situation), KLPFS], ns);
  }
  note(measured, ['enabling 10000 functions, ms', KLPFS], enablingMs);
}

/** One does not pay for the memory of the other. */
export async function benchTasks({ measured }: Bench): Promise<void> {
  for (const tasks of CROWDS) {
    const args = ['--expose-gc', TASKS, String(tasks)];
    const costs: TaskCosts = JSON.parse(await run(process.execPath, args));
    const keep = (measure: string, value: number) =>
      note(measured, [`${measure} of ${tasks} tasks`, KLPFS], value);
    keep('bytes for each', costs.bytesPerTask);
    keep('ms to boot', costs.bootMs);
    keep('cpu ms for a transition', costs.transitionMs);
    keep('cpu ms for a pass', costs.passMs);
  }
}

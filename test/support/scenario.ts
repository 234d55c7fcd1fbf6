/** Scenarios: a machine with a few tasks and modules, and what somebody types at it. */

import type { Step } from '../../src/engine/sched/program.ts';
import type { TaskDefinition } from '../../src/engine/sched/start.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { aFunc, aModule, anObject, aPatch } from './modules.ts';
import { aTask } from './tasks.ts';
import { playTranscript } from './transcript.ts';

/** Sleeps in a function until it is woken, again and again. */
export const sleepIn = (...functions: string[]): Step => ({
  kind: 'sleep',
  functions,
  state: 'interruptible',
  durationNs: undefined,
});
export const COMPUTE: Step = { kind: 'compute', durationNs: 3600e9 };

let pid = 0;
/** Processes have the pids 501, 502 and so on, in the order in which a scenario lists them. */
export function process(comm: string, ...program: Step[]): TaskDefinition {
  pid += 1;
  return aTask({ comm, pid, program });
}
export const kthread = (comm: string, ...program: Step[]): TaskDefinition => ({
  ...process(comm, ...program),
  kthread: true,
});
export const onCpu = (cpu: number, task: TaskDefinition): TaskDefinition => ({ ...task, cpu });

/** A patch whose new functions are called after it. */
export const patch = (name: string, objects: Readonly<Record<string, readonly string[]>>) =>
  aModule({
    name,
    patch: aPatch(
      Object.entries(objects).map(([object, functions]) =>
        anObject({
          name: object === 'vmlinux' ? undefined : object,
          funcs: functions.map((oldName) => {
            const func = aFunc(oldName, `${name}\n`);
            return { ...func, newFunction: { ...func.newFunction, name: `${name}_${oldName}` } };
          }),
          callbacks: {},
        }),
      ),
    ),
  });

export interface Scenario {
  readonly title: string;
  readonly machine?: MachineOptions;
  readonly tasks?: () => readonly TaskDefinition[];
  readonly transcript: string;
}

const MODULES = [
  patch('p', { vmlinux: ['f'] }),
  patch('q', { vmlinux: ['f'] }),
  patch('r', { vmlinux: ['g'] }),
  patch('both', { vmlinux: ['f', 'g'] }),
  patch('t', { target: ['in_target'], vmlinux: ['f'] }),
  patch('wrong', { target: ['nosuch'] }),
  patch('absent', { target: ['in_target'] }),
  aModule({ name: 'target', intree: true, functions: [{ name: 'in_target' }] }),
];

export function playScenario({ machine = {}, tasks = () => [], transcript }: Scenario): void {
  pid = 500;
  const played = new Machine({
    functions: ['f', 'g', 'elsewhere'].map((name) => ({ name })),
    modules: MODULES,
    tasks: tasks(),
    ...machine,
  });
  played.advance(3);
  played.dmesg();
  playTranscript(played, transcript);
}

/**
 * Enabling and disabling a patch restores every observable byte, whatever happened in between: but
 * for the log, times and taint, and the references of modules whose patches were immediate.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { findTask, pidOf, stackOf } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { observe } from '../support/observer.ts';
import { aTask, aThread } from '../support/tasks.ts';

const SEQUENCES = 1500;
const FUNCTIONS = ['f', 'g', 'cmdline_proc_show'];
const FIRST_PID = 500;
const TASKS = 3;
const PROCESSES = Array.from({ length: TASKS }, (_, index) => String(FIRST_PID + index));

const pid = fc.integer({ min: FIRST_PID, max: FIRST_PID + TASKS });
const operation = fc.oneof(
  fc.record({ write: fc.constantFrom('0', '1') }),
  fc.record({ advanceMs: fc.constantFrom(5, 900, 1900) }),
  fc.record({ wake: pid }),
  fc.record({ restart: pid }),
  fc.record({ target: fc.constantFrom('insmod', 'rmmod') }),
  fc.record({ cpu1: fc.constantFrom('on', 'off') }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What each task sleeps in for ever, one function inside the other; it goes back when woken. */
const places = fc.array(fc.subarray(FUNCTIONS), { minLength: TASKS, maxLength: TASKS });

const scenario = fc.record({
  release: fc.constantFrom<Release>('4.15', '6.1'),
  cpus: fc.constantFrom(1, 2),
  immediate: fc.boolean(),
  places,
  operations: fc.array(operation, { maxLength: 10 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

const sleepIn = (functions: readonly string[]) =>
  ({ kind: 'sleep', functions, state: 'interruptible', durationNs: undefined }) as const;

function machineOf({ release, cpus, immediate, places }: Scenario): Machine {
  const targeted = anObject({ name: 'target', funcs: [aFunc('in_target', '')] });
  const inKernel = anObject({ funcs: FUNCTIONS.map((name) => aFunc(name, 'new\n')) });
  const machine = new Machine({
    release,
    cpus,
    functions: [{ name: 'f' }, { name: 'g' }],
    modules: [
      aModule({ name: 'target', functions: [{ name: 'in_target' }] }),
      aModule({
        name: 'p',
        patch: aPatch([inKernel, targeted], { immediate: immediate && release === '4.15' }),
      }),
    ],
  });
  for (const [index, functions] of places.entries()) {
    const threads = index > 0 ? [] : [aThread({ pid: FIRST_PID + TASKS, program: [sleepIn([])] })];
    const program = [sleepIn(functions)];
    startTask(machine.kernel, aTask({ pid: FIRST_PID + index, program, threads }));
  }
  machine.advance(3);
  return machine;
}

function perform(machine: Machine, taken: Operation): void {
  if ('write' in taken) machine.echo(taken.write, 'p/enabled');
  else if ('advanceMs' in taken) machine.advance(taken.advanceMs);
  else if ('wake' in taken) machine.write(String(taken.wake), 'control/wake');
  else if ('cpu1' in taken) machine.write(`1 ${taken.cpu1}`, 'control/cpu');
  else if ('restart' in taken) restart(machine, taken.restart);
  else if (taken.target === 'insmod') machine.insmod('target');
  else machine.rmmod('target');
}

function restart(machine: Machine, which: number): void {
  const { kernel } = machine;
  const task = findTask(kernel.tasks, which) ?? -1;
  sendSignal(kernel, task, 'STOP');
  machine.advance(0);
  sendSignal(kernel, task, 'CONT');
  machine.advance(0);
}

/** Nobody is behind, and nobody sleeps in code of the patch. */
function settle(machine: Machine): void {
  const { kernel } = machine;
  machine.write('1 on', 'control/cpu');
  if (machine.cat('p/enabled') === '1') machine.echo('0', 'p/enabled');
  machine.advance(2000);
  if (machine.cat('p/enabled') === '1') machine.echo('0', 'p/enabled');
  for (let round = 0; round < 3; round += 1) {
    for (const task of [...listByPid(kernel.tasks)]) {
      if (stackOf(kernel.tasks, task).depth === 0) continue;
      machine.write(String(pidOf(kernel.tasks, task)), 'control/wake');
    }
    machine.advance(2000);
  }
  expect(kernel.livepatch.transition?.target).toBeUndefined();
  machine.rmmod('target');
}

function withoutReferences(seen: Map<string, string>): [string, string][] {
  return [...seen].filter(([path]) => path !== 'sys/module/p/refcnt' && path !== 'proc/modules');
}

test('enable, then disable, restores every byte that can be observed', () => {
  fc.assert(
    fc.property(scenario, (drawn) => {
      const machine = machineOf(drawn);
      const unloaded = observe(machine, PROCESSES);
      machine.insmod('p');
      const isReusable = drawn.release === '4.15';
      if (isReusable) settle(machine);
      const disabled = observe(machine, PROCESSES);
      if (isReusable) machine.echo('1', 'p/enabled');
      for (const taken of drawn.operations) perform(machine, taken);
      settle(machine);

      const keep = drawn.immediate ? withoutReferences : (seen: Map<string, string>) => [...seen];
      if (isReusable) expect(keep(observe(machine, PROCESSES))).toEqual(keep(disabled));
      const stays = drawn.immediate && isReusable;
      expect(machine.rmmod('p')).toBe(stays ? 'EAGAIN' : 'ok');
      if (!stays) expect([...observe(machine, PROCESSES)]).toEqual([...unloaded]);
    }),
    { numRuns: SEQUENCES },
  );
}, 240_000);

test('the observer sees what a patch changes', () => {
  const machine = machineOf({
    release: '4.15',
    cpus: 1,
    immediate: false,
    places: [],
    operations: [],
  });
  const before = observe(machine, PROCESSES);
  machine.insmod('p');
  const changed = [...observe(machine, PROCESSES)].filter(
    ([path, text]) => before.get(path) !== text,
  );
  expect(changed.map(([path]) => path)).toEqual(
    expect.arrayContaining([
      'sys/kernel/livepatch',
      'sys/kernel/livepatch/p/enabled',
      'sys/kernel/tracing/enabled_functions',
      'sys/module/p/refcnt',
      'proc/cmdline',
      'proc/modules',
    ]),
  );
});

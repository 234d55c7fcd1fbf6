/**
 * The promise of the consistency model, over random programs and random sequences of operations:
 * nobody ever runs the old version of one function and the new version of another.
 *
 * Steps are data, so a failure prints as a script.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startTask } from '../../src/engine/boot.ts';
import { funcsOf } from '../../src/engine/livepatch/model.ts';
import { codeBelow } from '../../src/engine/livepatch/patch.ts';
import { forkByRequest } from '../../src/engine/sched/ask.ts';
import type { Step as ProgramStep } from '../../src/engine/sched/program.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { framesOf } from '../../src/engine/sched/stack.ts';
import {
  findTask,
  isPatchPending,
  kindOf,
  listTasks,
  patchStateOf,
  stackOf,
} from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask } from '../support/tasks.ts';

const SEQUENCES = 10_000;
const FUNCTIONS = ['f', 'g', 'h'];
const FIRST_PID = 500;
const TASKS = 3;

const patchOf = (name: string, ...oldNames: string[]) =>
  aModule({
    name,
    patch: aPatch([
      anObject({
        funcs: oldNames.map((oldName) => {
          const func = aFunc(oldName, '');
          return { ...func, newFunction: { ...func.newFunction, name: `${name}_${oldName}` } };
        }),
      }),
    ]),
  });

type Operation =
  | { readonly write: string; readonly to: 'p' | 'q' }
  | { readonly wake: number }
  | { readonly signal: 'STOP' | 'CONT'; readonly to: number }
  | { readonly fork: number }
  | { readonly cpu1: 'on' | 'off' }
  | { readonly advanceMs: number };

const pid = fc.integer({ min: FIRST_PID, max: FIRST_PID + TASKS - 1 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ write: fc.constantFrom('0', '1'), to: fc.constantFrom('p', 'q') }),
  },
  { weight: 3, arbitrary: fc.record({ advanceMs: fc.constantFrom(1, 10, 900, 1900) }) },
  { weight: 2, arbitrary: fc.record({ wake: pid }) },
  { weight: 1, arbitrary: fc.record({ signal: fc.constantFrom('STOP', 'CONT'), to: pid }) },
  { weight: 1, arbitrary: fc.record({ fork: pid }) },
  { weight: 1, arbitrary: fc.record({ cpu1: fc.constantFrom('on', 'off') }) },
);

const programStep: fc.Arbitrary<ProgramStep> = fc.oneof(
  fc.record({
    kind: fc.constant('sleep' as const),
    functions: fc.array(fc.constantFrom(...FUNCTIONS), { maxLength: 3 }),
    state: fc.constantFrom('interruptible', 'killable', 'uninterruptible'),
    durationNs: fc.constantFrom(undefined, 60e6, 700e6),
  }),
  fc.record({ kind: fc.constant('compute' as const), durationNs: fc.constantFrom(50e6, 300e6) }),
  fc.record({ kind: fc.constant('call' as const), functions: fc.constant(['f', 'g']) }),
);

const aProgram = fc.record({
  // A round takes a while, so that seconds of virtual time are not thousands of rounds.
  program: fc
    .array(programStep, { minLength: 1, maxLength: 3 })
    .map((steps): ProgramStep[] => [...steps, { kind: 'compute', durationNs: 100e6 }]),
  kthread: fc.boolean(),
});

interface Scenario {
  readonly release: '4.15' | '6.1';
  readonly cpus: number;
  readonly programs: readonly { program: ProgramStep[]; kthread: boolean }[];
  readonly operations: readonly Operation[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  release: fc.constantFrom('4.15' as const, '6.1' as const),
  cpus: fc.constantFrom(1, 2),
  programs: fc.array(aProgram, { minLength: TASKS, maxLength: TASKS }),
  operations: fc.array(operation, { maxLength: 12 }),
});

function machineOf({ release, cpus, programs }: Scenario): Machine {
  const machine = new Machine({
    release,
    cpus,
    functions: FUNCTIONS.map((name) => ({ name })),
    modules: [patchOf('p', 'f', 'g'), patchOf('q', 'g', 'h')],
  });
  for (const [index, { program, kthread }] of programs.entries()) {
    startTask(machine.kernel, aTask({ pid: FIRST_PID + index, program, kthread }));
  }
  machine.advance(3);
  return machine;
}

function perform(machine: Machine, taken: Operation): void {
  const { kernel } = machine;
  if ('write' in taken) {
    if (machine.find(taken.to)) machine.echo(taken.write, `${taken.to}/enabled`);
    else if (machine.kernel.modules.loaded.has(taken.to)) machine.rmmod(taken.to);
    else machine.insmod(taken.to);
  } else if ('advanceMs' in taken) {
    machine.advance(taken.advanceMs);
  } else if ('wake' in taken) {
    machine.write(String(taken.wake), 'control/wake');
  } else if ('cpu1' in taken) {
    machine.write(`1 ${taken.cpu1}`, 'control/cpu');
  } else {
    const task = findTask(kernel.tasks, 'fork' in taken ? taken.fork : taken.to);
    if (task === undefined || kindOf(kernel.tasks, task) !== 'user') return;
    if ('signal' in taken) sendSignal(kernel, task, taken.signal);
    else forkByRequest(kernel, task);
    machine.advance(0);
  }
}

/** What holds at every moment. */
function checkConsistency(machine: Machine): void {
  const { kernel } = machine;
  const { tasks, livepatch } = kernel;
  const { transition } = livepatch;
  for (const task of listTasks(tasks)) {
    const state = patchStateOf(tasks, task);
    if (!transition) expect([state, isPatchPending(tasks, task)]).toEqual([-1, false]);
    else expect(state).not.toBe(-1);

    const frames = new Set(framesOf(stackOf(tasks, task)));
    for (const patch of livepatch.patches) {
      const inTransition = transition?.patch === patch;
      for (const func of funcsOf(patch)) {
        if (!func.patched) continue;
        const below = codeBelow(kernel, func);
        const runsOld = below !== undefined && frames.has(below);
        const runsNew = frames.has(func.newFunc);
        if (!inTransition || state === 1) expect(runsOld).toBe(false);
        if (inTransition && state === 0) expect(runsNew).toBe(false);
      }
    }
  }
}

/** Every task leaves what it sleeps in, again and again. */
function setEverybodyFree(machine: Machine): void {
  const { kernel } = machine;
  machine.write('1 on', 'control/cpu');
  for (let round = 0; round < 6 && kernel.livepatch.transition; round += 1) {
    for (const task of [...listTasks(kernel.tasks)]) {
      if (kindOf(kernel.tasks, task) === 'user') sendSignal(kernel, task, 'CONT');
      machine.write(String(kernel.tasks.pid[task]), 'control/wake');
    }
    machine.advance(1000);
  }
}

test('no task ever runs both versions, and a transition ends when tasks leave what they sleep in', () => {
  fc.assert(
    fc.property(scenario, (drawn) => {
      const machine = machineOf(drawn);
      machine.insmod('p');
      checkConsistency(machine);
      for (const taken of drawn.operations) {
        perform(machine, taken);
        checkConsistency(machine);
      }
      setEverybodyFree(machine);
      checkConsistency(machine);
    }),
    { numRuns: SEQUENCES },
  );
}, 240_000);

/**
 * The promises of the consistency model, over random programs and random sequences of operations:
 * nobody ever runs the old version of one function and the new version of another, and a transition
 * ends if tasks keep leaving what is patched.
 *
 * Steps are data, so a failure prints as a script.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RELEASES, type Release, since } from '../../src/abi/release.ts';
import { funcsOn, newFuncOf } from '../../src/engine/livepatch/model.ts';
import { codeBelow } from '../../src/engine/livepatch/patch.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import type { Step as ProgramStep } from '../../src/engine/sched/program.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { framesOf } from '../../src/engine/sched/stack.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { isPatchPending, kindOf, patchStateOf, stackOf } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask, aThread } from '../support/tasks.ts';

const SEQUENCES = 10_000;
const FUNCTIONS = ['f', 'g', 'h'];
const FIRST_PID = 500;
const TASKS = 3;

const patchOf = (name: string, oldNames: readonly string[], replace = false) => {
  const funcs = oldNames.map((oldName) => {
    const func = aFunc(oldName, '');
    return { ...func, newFunction: { ...func.newFunction, name: `${name}_${oldName}` } };
  });
  return aModule({ name, patch: aPatch([anObject({ funcs })], { replace }) });
};

/** `r` takes the place of the others, where a release can do that. */
const MODULES = [
  patchOf('p', ['f', 'g']),
  patchOf('q', ['g', 'h']),
  { ...patchOf('r', ['h'], true), releases: since('5.1') },
];

type Operation =
  | { readonly write: string; readonly to: 'p' | 'q' | 'r' }
  | { readonly wake: number }
  | { readonly signal: 'STOP' | 'CONT' | 'TERM'; readonly to: number }
  | { readonly fork: number }
  | { readonly exit: number }
  | { readonly call: number }
  | { readonly interrupt: 0 | 1 }
  | { readonly cpu1: 'on' | 'off' }
  | { readonly advanceMs: number };

/** Processes, and their threads after them. */
const pid = fc.integer({ min: FIRST_PID, max: FIRST_PID + 2 * TASKS - 1 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ write: fc.constantFrom('0', '1'), to: fc.constantFrom('p', 'q', 'r') }),
  },
  { weight: 3, arbitrary: fc.record({ advanceMs: fc.constantFrom(1, 10, 900, 1900) }) },
  { weight: 2, arbitrary: fc.record({ wake: pid }) },
  { weight: 2, arbitrary: fc.record({ signal: fc.constantFrom('STOP', 'CONT', 'TERM'), to: pid }) },
  { weight: 1, arbitrary: fc.record({ fork: pid }) },
  { weight: 1, arbitrary: fc.record({ exit: pid }) },
  { weight: 1, arbitrary: fc.record({ call: pid }) },
  { weight: 1, arbitrary: fc.record({ interrupt: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ cpu1: fc.constantFrom('on', 'off') }) },
);

const leafStep: fc.Arbitrary<ProgramStep> = fc.oneof(
  fc.record({
    kind: fc.constant('sleep' as const),
    functions: fc.array(fc.constantFrom(...FUNCTIONS), { maxLength: 3 }),
    state: fc.constantFrom('interruptible', 'killable', 'uninterruptible'),
    durationNs: fc.constantFrom(undefined, 60e6, 700e6),
  }),
  fc.record({ kind: fc.constant('compute' as const), durationNs: fc.constantFrom(50e6, 300e6) }),
  fc.record({ kind: fc.constant('call' as const), functions: fc.constant(['f', 'g']) }),
);

/** What only processes do. Children end, so that there are not more and more of them. */
const familyStep: fc.Arbitrary<ProgramStep> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('fork', 'thread'),
    comm: fc.constant('child'),
    steps: leafStep.map((step): ProgramStep[] => [step, { kind: 'exit' }]),
  }),
  fc.constant<ProgramStep>({ kind: 'wait-child' }),
  fc.constant<ProgramStep>({ kind: 'exit-group' }),
);

/** A round takes a while, so that seconds of virtual time are not thousands of rounds. */
const ROUND_END: ProgramStep = { kind: 'compute', durationNs: 100e6 };
/** Longer than until the next pass, which is the only one that can switch a kthread. */
const REST: ProgramStep = {
  kind: 'sleep',
  functions: [],
  state: 'interruptible',
  durationNs: 2500e6,
};

const steps = (of: fc.Arbitrary<ProgramStep>, end: ProgramStep) =>
  fc.array(of, { minLength: 1, maxLength: 3 }).map((drawn): ProgramStep[] => [...drawn, end]);
const processSteps = steps(
  fc.oneof({ weight: 4, arbitrary: leafStep }, { weight: 1, arbitrary: familyStep }),
  ROUND_END,
);

const aProgram = fc.oneof(
  fc.record({
    kthread: fc.constant(true),
    program: steps(leafStep, REST),
    thread: fc.constant(undefined),
  }),
  fc.record({
    kthread: fc.constant(false),
    program: processSteps,
    thread: fc.option(processSteps, { nil: undefined }),
  }),
);

interface Scenario {
  readonly release: Release;
  readonly cpus: number;
  readonly programs: readonly {
    readonly kthread: boolean;
    readonly program: ProgramStep[];
    readonly thread: ProgramStep[] | undefined;
  }[];
  readonly operations: readonly Operation[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  release: fc.constantFrom(...RELEASES),
  cpus: fc.constantFrom(1, 2),
  programs: fc.array(aProgram, { minLength: TASKS, maxLength: TASKS }),
  operations: fc.array(operation, { maxLength: 12 }),
});

function machineOf({ release, cpus, programs }: Scenario): Machine {
  const machine = new Machine({
    release,
    cpus,
    functions: FUNCTIONS.map((name) => ({ name })),
    modules: MODULES,
  });
  for (const [index, { program, kthread, thread }] of programs.entries()) {
    const pid = FIRST_PID + index;
    const threads = thread ? [aThread({ pid: pid + TASKS, program: thread })] : [];
    startTask(machine.kernel, aTask({ pid, program, kthread, threads }));
  }
  machine.advance(3);
  return machine;
}

function perform(machine: Machine, taken: Operation): void {
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
  } else if ('interrupt' in taken) {
    machine.write(`${taken.interrupt} f g`, 'control/irq');
  } else if ('exit' in taken) {
    machine.write(String(taken.exit), 'control/exit');
  } else if ('call' in taken) {
    machine.write(`${taken.call} g`, 'control/call');
  } else if ('fork' in taken) {
    machine.write(String(taken.fork), 'control/fork');
  } else {
    machine.write(`${taken.signal} ${taken.to}`, 'control/kill');
  }
}

/** What holds at every moment. */
function checkConsistency(machine: Machine): void {
  const { kernel } = machine;
  const { tasks, livepatch } = kernel;
  const { transition } = livepatch;
  for (const task of listByPid(tasks)) {
    const state = patchStateOf(tasks, task);
    if (!transition) expect([state, isPatchPending(tasks, task)]).toEqual([-1, false]);
    else expect(state).not.toBe(-1);

    const frames = new Set(framesOf(stackOf(tasks, task)));
    for (const [original, stack] of livepatch.funcStacks) {
      const { top } = stack;
      if (!top) continue;
      const allowed = top.transition && state === 0 ? codeBelow(top) : newFuncOf(top);
      const versions = new Set([original, ...[...funcsOn(stack)].map(newFuncOf)]);
      expect([...versions].filter((code) => code && frames.has(code) && code !== allowed)).toEqual(
        [],
      );
    }
  }
}

/** Every task keeps leaving what it sleeps in; kthreads rest outside from time to time. */
function setEverybodyFree(machine: Machine): void {
  const { kernel } = machine;
  machine.write('1 on', 'control/cpu');
  for (let round = 0; round < 12 && kernel.livepatch.transition; round += 1) {
    for (const task of [...listByPid(kernel.tasks)]) {
      if (kindOf(kernel.tasks, task) === 'user') sendSignal(kernel, task, 'CONT');
      if (stackOf(kernel.tasks, task).depth === 0) continue;
      machine.write(String(kernel.tasks.pid[task]), 'control/wake');
    }
    machine.advance(1000);
  }
}

test('no task ever runs both versions, and a transition ends when tasks leave what they sleep in', () => {
  let transitions = 0;
  fc.assert(
    fc.property(scenario, (drawn) => {
      const machine = machineOf(drawn);
      machine.insmod('p');
      checkConsistency(machine);
      for (const taken of drawn.operations) {
        perform(machine, taken);
        checkConsistency(machine);
      }
      if (machine.kernel.livepatch.transition) transitions += 1;
      setEverybodyFree(machine);
      checkConsistency(machine);
      expect(machine.kernel.livepatch.transition?.patch.module.name).toBeUndefined();
    }),
    { numRuns: SEQUENCES },
  );
  expect(transitions).toBeGreaterThan(SEQUENCES / 10);
}, 240_000);

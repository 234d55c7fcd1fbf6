/**
 * Who remembers what it has seen of the tree until it is told otherwise is never wrong, whatever
 * happens to the machine. Steps are data, so a failure prints as a script.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KernelError } from '../../src/abi/errno.ts';
import type { Release } from '../../src/abi/release.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { findTask } from '../../src/engine/sched/task.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';
import { Memory } from '../support/memory.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { sleepIn } from '../support/scenario.ts';
import { aTask } from '../support/tasks.ts';

const SEQUENCES = 200;
const SLEEPER = 500;

const fail = () => {
  throw new KernelError('ENODEV', 'no such thing');
};
const inTarget = anObject({ name: 'target', funcs: [aFunc('in_target', '')] });
const refused = anObject({ funcs: [aFunc('g', '')], callbacks: { prePatch: () => -16 } });

const MODULES = [
  aModule({
    name: 'target',
    functions: [{ name: 'in_target' }],
    parameters: [{ name: 'number', type: 'int', default: 1, mode: 0o644 }],
  }),
  aModule({ name: 'user', depends: ['target'] }),
  aModule({ name: 'other_user', depends: ['target', 'user'] }),
  aModule({ name: 'failing', depends: ['target'], init: fail }),
  aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('f', '')] }), inTarget]) }),
  aModule({ name: 'q', patch: aPatch([anObject({ funcs: [aFunc('f', ''), aFunc('g', '')] })]) }),
  aModule({ name: 'refused', patch: aPatch([refused]) }),
  aModule({ name: 'twice', patch: aPatch([inTarget, inTarget]) }),
];
/** Only from 5.1 on: one takes the place of others, one makes a directory in /sys/kernel. */
const LATER = [
  aModule({ name: 'r', patch: aPatch([anObject({ funcs: [aFunc('g', '')] })], { replace: true }) }),
  ...builtinModules.filter(({ name }) => name === 'test_klp_syscall'),
];
/** It makes a file in /proc. */
const PROC = builtinModules.filter(({ name }) => name === 'test_klp_mod_target');
const NAMES = [...MODULES, ...LATER, ...PROC].map(({ name }) => name);
const PATCHES = ['p', 'q', 'r', 'refused', 'test_klp_syscall'];

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ insmod: fc.constantFrom(...NAMES) }) },
  { weight: 3, arbitrary: fc.record({ rmmod: fc.constantFrom(...NAMES) }) },
  {
    weight: 6,
    arbitrary: fc.record({ write: fc.constantFrom('0', '1'), to: fc.constantFrom(...PATCHES) }),
  },
  { weight: 1, arbitrary: fc.record({ force: fc.constantFrom(...PATCHES) }) },
  { weight: 3, arbitrary: fc.constantFrom('wake' as const, 'kill' as const, 'start' as const) },
  { weight: 3, arbitrary: fc.record({ advanceMs: fc.constantFrom(1, 900, 1900) }) },
);
/** What chance seldom comes by. */
const EXAMPLES: [Operation[]][] = [
  [[{ insmod: 'target' }, { insmod: 'user' }, { rmmod: 'user' }, { insmod: 'user' }]],
  [[{ insmod: 'target' }, { insmod: 'failing' }, { rmmod: 'target' }]],
  [[{ insmod: 'test_klp_syscall' }, 'wake', { write: '0', to: 'test_klp_syscall' }]],
  [['kill', { advanceMs: 1 }, 'start', { advanceMs: 1 }]],
];
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function machineOf(release: Release): Machine {
  const machine = new Machine({
    release,
    functions: [{ name: 'f' }, { name: 'g' }],
    modules: [...MODULES, ...(release === '4.15' ? [] : LATER), ...PROC],
  });
  startSleeper(machine);
  machine.advance(3);
  return machine;
}

function startSleeper({ kernel }: Machine): void {
  if (findTask(kernel.tasks, SLEEPER) !== undefined) return;
  startTask(kernel, aTask({ pid: SLEEPER, program: [sleepIn('f'), sleepIn('g')] }));
}

/** Another process may get its pid. */
function kill({ kernel }: Machine): void {
  const task = findTask(kernel.tasks, SLEEPER);
  if (task !== undefined) sendSignal(kernel, task, 'KILL');
}

function perform(machine: Machine, taken: Operation): void {
  if (taken === 'wake') machine.write(String(SLEEPER), 'control/wake');
  else if (taken === 'kill') kill(machine);
  else if (taken === 'start') startSleeper(machine);
  else if ('insmod' in taken) machine.insmod(taken.insmod);
  else if ('rmmod' in taken) machine.rmmod(taken.rmmod);
  else if ('write' in taken) machine.echo(taken.write, `${taken.to}/enabled`);
  else if ('force' in taken) machine.echo('1', `${taken.force}/force`);
  else machine.advance(taken.advanceMs);
}

test.each<Release>(['4.15', '6.1', '6.14'])(
  '%s: a memory of the tree is never wrong',
  (release) => {
    let forgotten = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
        const machine = machineOf(release);
        const memory = new Memory();
        machine.mounted.listeners.push(memory);
        memory.look(machine.root);
        for (const taken of operations) {
          perform(machine, taken);
          expect(memory.mistakes()).toEqual([]);
          memory.look(machine.root);
        }
        forgotten += memory.forgotten;
      }),
      { numRuns: SEQUENCES, examples: EXAMPLES },
    );
    expect(forgotten).toBeGreaterThan(SEQUENCES);
  },
);

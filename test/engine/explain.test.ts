/** Who holds a transition up, as it is explained. */
import { expect, test } from 'vitest';
import { explainTransition } from '../../src/engine/livepatch/explain.ts';
import { startTasks } from '../../src/engine/sched/start.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const FUNCS = [aFunc('f', ''), aFunc('g', '')];

const machineWith = (patch = aPatch([anObject({ funcs: FUNCS })])) =>
  new Machine({
    functions: [{ name: 'f' }, { name: 'g' }, { name: 'asm', unwind: false }],
    modules: [aModule({ name: 'p', patch })],
  });

const behindOf = ({ kernel }: Machine) =>
  [...(explainTransition(kernel)?.behind ?? [])].map(({ task, holdup, frame }) => [
    kernel.tasks.comm[task],
    holdup,
    frame,
  ]);

// biome-ignore format: the columns are the point
test.each<[sleepsIn: string[], holdup: object, frame: number]>([
  [['f', 'g'],   { kind: 'sleeping-on', oldName: 'f' },  1],
  [['g', 'f'],   { kind: 'sleeping-on', oldName: 'f' },  0],
  [['asm', 'g'], { kind: 'unreliable-stack' },           1],
])('asleep in %j: the frame is that of the function that is named', (sleepsIn, holdup, frame) => {
  const machine = machineWith();
  sleeperIn(machine, ...sleepsIn);
  machine.insmod('p');
  expect(behindOf(machine)).toEqual([['sleeper', holdup, frame]]);
});

test('nobody is behind an immediate patch, or when all have switched', () => {
  let waits = true;
  const patch = aPatch([
    anObject({
      funcs: FUNCS,
      callbacks: {
        *postPatch(kernel) {
          while (waits) yield* sleepFor(kernel, 'uninterruptible', 1e9);
        },
      },
    }),
  ]);
  for (const given of [patch, { ...patch, immediate: true }]) {
    waits = true;
    const machine = machineWith(given);
    machine.startWrite('p', 'control/insmod');
    expect(machine.cat('p/transition')).toBe('1');
    expect(behindOf(machine)).toEqual([]);
    waits = false;
    machine.advance(1000);
    expect(machine.cat('p/transition')).toBe('0');
  }
});

test('it ends early where the transition does, or turns around', () => {
  for (const end of ['complete', 'reverse']) {
    const machine = machineWith();
    startTasks(
      machine.kernel,
      [1, 2].map((pid) =>
        aTask({
          pid: 600 + pid,
          program: [
            { kind: 'sleep', functions: ['f'], state: 'interruptible', durationNs: undefined },
          ],
        }),
      ),
    );
    machine.advance(1);
    machine.insmod('p');
    const behind = explainTransition(machine.kernel)?.behind[Symbol.iterator]();
    expect(behind?.next().done).toBe(false);
    if (end === 'reverse') machine.echo('0', 'p/enabled');
    else for (const pid of ['601', '602']) machine.write(pid, 'control/wake');
    if (end === 'complete') machine.advance(2000);
    expect(behind?.next().done).toBe(true);
  }
});

test('who comes while enabling is given up is where everybody is', () => {
  const states: number[] = [];
  const patch = aPatch([anObject({ callbacks: { prePatch: () => -19 } })]);
  const machine = machineWith(patch);
  const spawn = () => {
    const pid = 700 + states.length;
    startTasks(machine.kernel, [aTask({ pid })]);
    states.push(Number(machine.cat(`proc/${pid}/patch_state`)));
  };
  expect(machine.startWriteStepwise('p', 'control/insmod', spawn)).toBe('ENODEV');
  expect(states).toContain(0);
  expect(states).not.toContain(1);
});

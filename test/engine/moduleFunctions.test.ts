/** Tasks whose programs name functions of modules that come and go. */
import { expect, test } from 'vitest';
import type { Step } from '../../src/engine/sched/program.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';
import { kthread, playScenario, process, type Scenario, sleepIn } from '../support/scenario.ts';
import { aTask } from '../support/tasks.ts';

const sleepFor = (ms: number, ...functions: string[]): Step => ({
  kind: 'sleep',
  functions,
  state: 'uninterruptible',
  durationNs: ms * 1e6,
});

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'who sleeps in a function that is not there enters it when its module comes',
    tasks: () => [
      process('reader', sleepIn('f', 'in_target')),
      kthread('worker', sleepIn('in_target')),
      process('other', sleepIn('f'), { kind: 'exit' }),
    ],
    transcript: `
      $ wchan reader
      f
      $ wchan worker
      -
      $ insmod r
      $ sleep 2
      $ wchan reader
      f
      $ insmod target
      $ sleep 0.001
      $ wchan reader
      in_target
      $ wchan worker
      in_target
      # Nobody else was woken.
      $ wchan other
      f
    `,
  },
  {
    title: 'a function that goes is left out by the next sleep, not by the one that is in it',
    tasks: () => [process('reader', sleepIn('f', 'in_target'))],
    transcript: `
      $ insmod target
      $ sleep 0.001
      $ rmmod target
      $ wchan reader
      in_target
      $ wake 501
      $ sleep 0.001
      $ wchan reader
      f
      $ insmod target
      $ sleep 0.001
      $ wchan reader
      in_target
    `,
  },
  {
    title: 'a patch of a module waits for who has come into its function with it',
    tasks: () => [process('reader', sleepIn('in_target'))],
    transcript: `
      $ insmod target
      $ sleep 0.001
      $ insmod t
      $ why
      reader sleeping-on in_target
      $ wake 501
      $ sleep 2
      $ cat t/transition
      0
      $ wchan reader
      t_in_target
    `,
  },
  {
    title: 'a patch that was there before: the function is entered in its new version',
    tasks: () => [process('reader', sleepIn('in_target'))],
    transcript: `
      $ insmod t
      $ sleep 2
      $ insmod target
      $ sleep 0.001
      $ wchan reader
      t_in_target
    `,
  },
  {
    title: 'a sleep of some time begins anew, too; one that is over does not',
    tasks: () => [process('late', sleepFor(1000, 'in_target'), sleepIn('f'))],
    transcript: `
      $ sleep 0.5
      $ insmod target
      $ sleep 0.7
      $ wchan late
      in_target
      $ sleep 0.5
      $ wchan late
      f
      $ rmmod target
      $ insmod target
      $ sleep 0.001
      $ wchan late
      f
    `,
  },
];

test.each(SCENARIOS)('$title', (scenario) => playScenario(scenario));

test('a call of a function that is not there is passed over', () => {
  const said: string[] = [];
  const saying = (name: string) => ({
    name,
    body: () => {
      said.push(name);
      return 0;
    },
  });
  const machine = new Machine({
    functions: [saying('outer')],
    modules: [aModule({ name: 'm', functions: [saying('inner')] })],
    tasks: [
      aTask({
        pid: 501,
        program: [
          { kind: 'call', functions: ['outer', 'inner'] },
          { kind: 'call', functions: ['inner'] },
          sleepIn('outer'),
        ],
      }),
    ],
  });
  machine.insmod('m');
  machine.write('501', 'control/wake');
  machine.advance(1);
  expect(said).toEqual(['outer', 'inner', 'inner']);
});

/** What must not depend on how much there is: work, turns, slices. Counted, since times vary. */
import { expect, test } from 'vitest';
import { NS_PER_SECOND } from '../../src/engine/clock.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import type { Step } from '../../src/engine/sched/program.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { runMachine } from '../../src/engine/sched/run.ts';
import { startTasks } from '../../src/engine/sched/start.ts';
import type { TaskTable } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { cmdlinePatch } from '../support/modules.ts';
import { aTask } from '../support/tasks.ts';

const asleep = (...functions: string[]): Step[] => [
  { kind: 'sleep', functions, state: 'interruptible', durationNs: undefined },
];

/** Lets ten seconds pass; how many steps that took, and how often the columns of tasks were used. */
function countWork({ kernel }: Machine) {
  const count = { steps: 0, accesses: 0 };
  const counted = new Proxy(kernel.tasks, {
    get: (tasks, name: keyof TaskTable) => {
      count.accesses += 1;
      return tasks[name];
    },
  });
  const watched: Kernel = { ...kernel, tasks: counted };
  runMachine(watched, kernel.clock.nowNs + 10 * NS_PER_SECOND, () => {
    count.steps += 1;
    return false;
  });
  return count;
}

test('tasks that sleep cost nothing as time passes', () => {
  const [few, many] = [100, 100_000].map((count) =>
    countWork(
      new Machine({ cpus: 2, tasks: [aTask({ count, cpu: undefined, program: asleep() })] }),
    ),
  );
  expect(few?.steps).toBeGreaterThan(10);
  expect(many).toEqual(few);
});

test('who works for long on one cpu does not keep another cpu from its work', () => {
  const { kernel } = new Machine({ cpus: 2 });
  const order: string[] = [];
  startRequest(kernel, working(5), () => order.push('long'));
  for (let step = 0; step < 2; step += 1) runMachine(kernel, 0, () => true);
  startRequest(kernel, working(3), () => order.push('short'));
  runMachine(kernel, 0, () => false);
  expect(order).toEqual(['short', 'long']);
});

function* working(slices: number): Context {
  for (let slice = 0; slice < slices; slice += 1) yield { kind: 'resched' };
}

test('nor do many tasks that have just woken there', () => {
  const { kernel } = new Machine({ cpus: 2 });
  startTasks(kernel, [aTask({ count: 2000, cpu: 0, program: asleep() })]);
  let steps = 0;
  runMachine(kernel, 0, () => {
    steps += 1;
    return steps === 10;
  });
  let answeredAt = Number.NaN;
  startRequest(kernel, working(0), () => {
    answeredAt = steps;
  });
  runMachine(kernel, 0, () => {
    steps += 1;
    return false;
  });
  expect(answeredAt).toBeLessThan(1100);
  expect(steps).toBeGreaterThan(4000);
});

test('a pass that wakes tasks is cut in shorter slices than one that looks at them', () => {
  const machine = new Machine({
    release: '6.1',
    cpus: 2,
    functions: [{ name: 'place' }],
    modules: [cmdlinePatch('p')],
    tasks: [aTask({ count: 1000, cpu: 0, program: asleep('cmdline_proc_show') })],
  });
  machine.insmod('p');
  const wokenAtOnce = () => {
    const { tasks } = machine.kernel;
    return tasks.notified.reduce((sum, notified) => sum + notified, 0);
  };
  let most = 0;
  runMachine(machine.kernel, 20 * NS_PER_SECOND, () => {
    most = Math.max(most, wokenAtOnce());
    return false;
  });
  expect(machine.dmesg()).toContain('livepatch: signaling remaining tasks');
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(100);
});

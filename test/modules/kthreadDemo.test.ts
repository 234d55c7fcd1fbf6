/** kthread-demo: a kthread that holds a patch of its function up, until it comes out of it. */
import { expect, test } from 'vitest';
import type { Step } from '../../src/engine/sched/program.ts';
import { startTasks } from '../../src/engine/sched/start.ts';
import { kthreadDemo } from '../../src/modules/kthreadDemo.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask } from '../support/tasks.ts';

const WORK = 'kthread_demo_work';

const patch = aModule({
  name: 'p',
  patch: aPatch([anObject({ name: 'kthread_demo', funcs: [aFunc(WORK, '')] })]),
});

function machineWith(...parameters: string[]): Machine {
  const machine = new Machine({
    functions: [{ name: 'kthread' }],
    modules: [kthreadDemo, patch],
  });
  expect(machine.insmod('kthread-demo', ...parameters)).toBe('ok');
  machine.insmod('p');
  return machine;
}

const pidOf = (machine: Machine): number =>
  JSON.parse(machine.cat('control/tasks')).find(
    ({ comm }: { comm: string }) => comm === 'kthread_demo',
  )?.pid;

test('it is in the old function for ten seconds, then runs the new one', () => {
  const machine = machineWith();
  const frames = () => machine.cat(`proc/${pidOf(machine)}/stack`).match(/(?<=\] )\w+/g);
  expect(frames()).toEqual([WORK, 'kthread_demo_fn', 'kthread']);
  machine.advance(9000);
  expect([machine.cat('p/transition'), machine.cat(`proc/${pidOf(machine)}/patch_state`)]).toEqual([
    '1',
    '0',
  ]);
  machine.advance(3100);
  expect(machine.cat('p/transition')).toBe('0');
  expect(frames()).toEqual(['kthread_demo_fn', 'kthread']);
});

test('without a pause no pass ever finds it elsewhere, and removing the module ends it', () => {
  const machine = machineWith('pause_ms=0');
  machine.advance(300_000);
  expect(machine.cat('p/transition')).toBe('1');
  expect(machine.rmmod('kthread_demo')).toBe('ok');
  expect(pidOf(machine)).toBeUndefined();
  machine.advance(2000);
  expect(machine.cat('p/transition')).toBe('0');
});

test('a signal does nothing to it, and a pause can be made while it works', () => {
  const machine = machineWith('pause_ms=0');
  machine.write(`KILL ${pidOf(machine)}`, 'control/kill');
  machine.advance(20_000);
  expect(machine.cat('p/transition')).toBe('1');
  machine.echo('2000', 'sys/module/kthread_demo/parameters/pause_ms');
  machine.write(String(pidOf(machine)), 'control/wake');
  machine.advance(2000);
  expect(machine.cat('p/transition')).toBe('0');
});

test('one that somebody ended by hand keeps nobody from removing the module', () => {
  const machine = machineWith();
  expect(machine.write(String(pidOf(machine)), 'control/exit')).toBe('ok');
  expect([pidOf(machine), machine.rmmod('kthread_demo')]).toEqual([undefined, 'ok']);
});

test('stopping one that has ended wakes nobody who has its row now', () => {
  const machine = machineWith();
  machine.write(String(pidOf(machine)), 'control/exit');
  const asleep = { kind: 'sleep', functions: [], state: 'interruptible', durationNs: undefined };
  const program = [asleep, { kind: 'exit' }] as Step[];
  startTasks(machine.kernel, Array(3).fill(aTask({ comm: 'next', program })));
  machine.advance(1);
  machine.rmmod('kthread_demo');
  machine.advance(1);
  const rows: { comm: string }[] = JSON.parse(machine.cat('control/tasks'));
  expect(rows.filter(({ comm }) => comm === 'next')).toHaveLength(3);
  expect(machine.kernel.kthreads.size).toBe(0);
});

test('code that is gone makes a stack unreliable', () => {
  const leaky = { ...kthreadDemo, exit: () => {} };
  const machine = new Machine({
    modules: [leaky, aModule({ name: 'p', patch: aPatch([anObject()]) })],
  });
  machine.insmod('kthread_demo');
  machine.rmmod('kthread_demo');
  machine.insmod('p');
  const [task] = JSON.parse(machine.cat('control/transition')).behind;
  expect(task).toMatchObject({ comm: 'kthread_demo', holdup: 'unreliable-stack', frame: 0 });
});

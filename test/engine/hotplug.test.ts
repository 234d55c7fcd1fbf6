/** Cpus that go and come, in and out of transitions. Source: klp_try_complete_transition(). */
import { expect, test } from 'vitest';
import { setCpuOnline } from '../../src/engine/sched/hotplug.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { patchStateOf } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const machineWith = (cpus = 2) =>
  new Machine({
    cpus,
    functions: [{ name: 'f' }],
    modules: [aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('f', '')] })]) })],
  });

test('the idle task of an offline cpu is switched as it is, so one pass is enough', () => {
  const machine = machineWith();
  expect(machine.write('1 off', 'control/cpu')).toBe('ok');
  machine.insmod('p');
  expect(machine.cat('p/transition')).toBe('0');
});

test('a cpu that goes offline in a transition no longer holds it up', () => {
  const machine = machineWith(3);
  sleeperIn(machine, 'f');
  machine.insmod('p');
  const idle = machine.kernel.cpus[2]?.idle ?? -1;
  expect(patchStateOf(machine.kernel.tasks, idle)).toBe(0);
  machine.write('2 off', 'control/cpu');
  machine.write('4242', 'control/wake');
  machine.advance(2000);
  expect([machine.cat('p/transition'), patchStateOf(machine.kernel.tasks, idle)]).toEqual([
    '0',
    -1,
  ]);
});

test('what runs on a cpu, or sleeps for it, goes on elsewhere; a cpu comes back', () => {
  const machine = machineWith();
  const busy = [{ kind: 'compute', durationNs: 50e6 }, { kind: 'exit' }] as const;
  const sleepy = [
    { kind: 'sleep', functions: [], state: 'interruptible', durationNs: 20e6 },
    { kind: 'exit' },
  ] as const;
  startTask(machine.kernel, aTask({ pid: 600, cpu: 1, program: busy }));
  startTask(machine.kernel, aTask({ pid: 601, cpu: 1, program: sleepy }));
  machine.advance(10);
  expect(machine.write('1 off', 'control/cpu')).toBe('ok');
  machine.advance(15);
  expect([machine.find('proc/600')?.kind, machine.find('proc/601')]).toEqual([
    'directory',
    undefined,
  ]);
  machine.advance(40);
  expect(machine.find('proc/600')).toBeUndefined();

  expect(machine.cat('control/cpu')).toContain('cpu 1: offline');
  expect(machine.write('1 on', 'control/cpu')).toBe('ok');
  machine.insmod('p');
  expect(machine.cat('p/transition')).toBe('1');
  machine.advance(2000);
  expect(machine.cat('p/transition')).toBe('0');
});

// biome-ignore format: the columns are the point
test.each([
  ['0 off', 'EBUSY' ], ['1 on', 'EINVAL'], ['7 off', 'ENODEV'], ['1', 'EINVAL'], ['x off', 'EINVAL'],
])('cpu <- %j: %s', (request, answer) => {
  expect(machineWith().write(request, 'control/cpu')).toBe(answer);
});

test('a worker that was woken by hand on another cpu is left there until it sleeps', () => {
  const machine = machineWith();
  machine.insmod('p');
  for (const state of ['off', 'on']) machine.write(`1 ${state}`, 'control/cpu');
  const [worker] = machine.kernel.workerPools[1]?.idle ?? [];
  const write = machine.startWrite('0\n', 'p/enabled');
  machine.write(String(machine.kernel.tasks.pid[worker ?? -1]), 'control/wake');
  machine.advance(3000);
  expect([write.answer, machine.cat('p/enabled'), machine.cat('p/transition')]).toEqual([
    'ok',
    '0',
    '0',
  ]);
});

test('of two that take a cpu offline at once the second is refused', () => {
  const machine = new Machine({ cpus: 3 });
  const answers: string[] = [];
  for (let times = 0; times < 2; times += 1) {
    startRequest(machine.kernel, setCpuOnline(machine.kernel, 1, false), (outcome) => {
      answers.push('error' in outcome ? String(outcome.error) : 'ok');
    });
  }
  machine.advance(0);
  expect(answers.sort()).toEqual([expect.stringContaining('cpu 1 is offline'), 'ok']);
});

/** Interrupt handlers: they run the version of the task that they interrupt. */
import { expect, test } from 'vitest';
import type { FunctionDefinition } from '../../src/engine/kallsyms.ts';
import type { Step } from '../../src/engine/sched/program.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { findTask, pidOf } from '../../src/engine/sched/task.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const PID = 500;
const COMPUTE: Step = { kind: 'compute', durationNs: 3600e9 };

/** A function that notes which version of it ran, on whose back. */
function notes(name: string, version: string, seen: string[]): FunctionDefinition {
  return {
    name,
    body: ({ kernel }) => {
      seen.push(`${version} on ${pidOf(kernel.tasks, kernel.current)}`);
      return 0;
    },
  };
}

interface Bench {
  readonly machine: Machine;
  readonly seen: string[];
}

/** Cpu 1 computes in process 500; a patch replaces `nic_poll`, and `f` in which a reader sleeps. */
function machineOf(options: ConstructorParameters<typeof Machine>[0] = {}): Bench {
  const seen: string[] = [];
  const replaced = { ...aFunc('nic_poll', ''), newFunction: notes('nic_poll_new', 'new', seen) };
  const machine = new Machine({
    cpus: 2,
    functions: [{ name: 'f' }, { name: 'nic_irq' }, notes('nic_poll', 'old', seen)],
    modules: [
      aModule({ name: 'p', patch: aPatch([anObject({ funcs: [replaced, aFunc('f', '')] })]) }),
    ],
    tasks: [aTask({ comm: 'busy', pid: PID, cpu: 1, program: [COMPUTE] })],
    ...options,
  });
  sleeperIn(machine, 'f');
  machine.advance(1);
  return { machine, seen };
}

const irq = (machine: Machine, cpu: number, ...functions: string[]) =>
  machine.write([cpu, ...functions].join(' '), 'control/irq');

test('in a transition a handler runs the version of whom it interrupts', () => {
  const { machine, seen } = machineOf();
  irq(machine, 1, 'nic_irq', 'nic_poll');
  machine.insmod('p');
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('0');

  irq(machine, 1, 'nic_irq', 'nic_poll');
  expect(seen).toEqual(['old on 500', 'old on 500']);
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('1');
  irq(machine, 1, 'nic_irq', 'nic_poll');
  expect(seen.at(-1)).toBe('new on 500');
  expect(machine.cat(`proc/${PID}/stack`)).toBe('');

  // The synchronization of a reversal takes the cpu from the process, which then comes back.
  machine.echo('0', 'p/enabled');
  expect([machine.cat('p/transition'), machine.cat(`proc/${PID}/patch_state`)]).toEqual(['1', '0']);
  irq(machine, 1, 'nic_poll');
  expect(seen.at(-1)).toBe('old on 500');
});

test('on an idle cpu it runs the version of the idle task, which stays in its loop', () => {
  const { machine, seen } = machineOf({ release: '4.15', tasks: [] });
  machine.insmod('p');
  irq(machine, 1, 'nic_poll');
  irq(machine, 1, 'nic_poll');
  expect(seen).toEqual(['old on 0', 'old on 0']);
});

test('the interrupted process goes on with what it had left, and signals take effect', () => {
  const { machine } = machineOf({
    tasks: [
      aTask({
        pid: PID,
        cpu: 1,
        program: [{ kind: 'compute', durationNs: 10e6 }, { kind: 'exit' }],
      }),
    ],
  });
  for (let times = 0; times < 8; times += 1) {
    irq(machine, 1, 'nic_poll');
    machine.advance(1);
  }
  expect(machine.cat(`proc/${PID}/comm`)).toBe('task');
  machine.advance(2);
  expect(machine.cat(`proc/${PID}/comm`)).toBe('ENOENT');

  const busy = machineOf().machine;
  sendSignal(busy.kernel, findTask(busy.kernel.tasks, PID) ?? -1, 'KILL');
  irq(busy, 1, 'nic_poll');
  expect(busy.cat(`proc/${PID}/comm`)).toBe('ENOENT');
});

test('interrupts come again and again; those of an offline cpu on cpu 0', () => {
  const { machine, seen } = machineOf({
    interrupts: [{ cpu: 1, periodNs: 10e6, functions: ['nic_irq', 'nic_poll'] }],
  });
  machine.advance(99);
  expect(seen).toEqual(Array(10).fill('old on 500'));
  expect(machine.write('1 off', 'control/cpu')).toBe('ok');
  machine.advance(10);
  expect(seen).toHaveLength(11);
});

test('a handler cannot sleep', () => {
  const machine = new Machine({
    functions: [
      { name: 'sleeps', body: ({ kernel }) => sleepy(kernel) },
      { name: 'could', body: () => couldSleep() },
    ],
  });
  let closed = false;
  function* sleepy(kernel: Machine['kernel']) {
    try {
      yield* sleepFor(kernel, 'uninterruptible', 1);
    } finally {
      closed = true;
    }
    return 0;
  }
  // biome-ignore lint/correctness/useYield: a context that never sleeps
  function* couldSleep() {
    return 0;
  }
  irq(machine, 0, 'could');
  expect(machine.dmesg()).toEqual([]);
  irq(machine, 0, 'sleeps');
  expect(closed).toBe(true);
  expect(machine.dmesg()).toEqual(['BUG: scheduling while atomic: swapper/0/0/0x00010000']);
});

// biome-ignore format: the columns are the point
test.each<[request: string, errno: string, reason: string]>([
  ['2 f',      'ENODEV', 'there is no cpu 2'],
  ['1 nosuch', 'EINVAL', "there is no function 'nosuch'"],
  ['1',        'EINVAL', 'expected CPU FUNCTION ...'],
  ['one f',    'EINVAL', 'expected CPU FUNCTION ...'],
])('irq %s: %s', (request, errno, reason) => {
  const { machine } = machineOf();
  expect(machine.write(request, 'control/irq')).toBe(errno);
  expect(machine.dmesg()).toEqual([`klpfs: irq: ${reason}`]);
});

test('an offline cpu is not interrupted', () => {
  const { machine } = machineOf();
  machine.write('1 off', 'control/cpu');
  expect(irq(machine, 1, 'f')).toBe('ENODEV');
});

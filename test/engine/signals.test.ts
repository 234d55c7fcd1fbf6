/** Signals, children and calls: what makes a task leave the function it sleeps in. */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { explainTransition } from '../../src/engine/livepatch/explain.ts';
import { callByRequest, endTask, forkByRequest } from '../../src/engine/sched/ask.ts';
import type { SleepState } from '../../src/engine/sched/context.ts';
import type { Step } from '../../src/engine/sched/program.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { findTask, type RunState, runStateOf, type Task } from '../../src/engine/sched/task.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';
import { aTask, sleeperIn } from '../support/tasks.ts';

const PID = 500;

function machineWith(program: readonly Step[], kthread = false): Machine {
  const logs = (line: string) => ({
    name: line,
    body: ({ kernel }: { kernel: Machine['kernel'] }) => {
      called.push(`${line} by ${kernel.tasks.pid[kernel.current]}`);
      return 0;
    },
  });
  const machine = new Machine({
    functions: [{ name: 'f' }, logs('called'), { name: 'do_signal_stop' }],
    modules: [aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('f', '')] })]) })],
  });
  startTask(machine.kernel, aTask({ pid: PID, program, kthread }));
  machine.advance(1);
  called.length = 0;
  return machine;
}

const called: string[] = [];

const sleeping = (state: SleepState): Step => ({
  kind: 'sleep',
  functions: ['f'],
  state,
  durationNs: undefined,
});

function taskOf(machine: Machine, pid = PID): Task {
  const task = findTask(machine.kernel.tasks, pid);
  if (task === undefined) throw new Error(`no process ${pid}`);
  return task;
}

function stateOf(machine: Machine): RunState | 'gone' {
  const task = findTask(machine.kernel.tasks, PID);
  return task === undefined ? 'gone' : runStateOf(machine.kernel.tasks, task);
}

// biome-ignore format: the columns are the point
test.each<[SleepState, signal: string, after: RunState | 'gone']>([
  ['interruptible',   'TERM',    'gone'           ],
  ['interruptible',   '-KILL',   'gone'           ],
  ['interruptible',   'SIGSTOP', 'stopped'        ],
  ['interruptible',   '20',      'stopped'        ],
  ['interruptible',   'CONT',    'interruptible'  ],
  ['interruptible',   'CHLD',    'interruptible'  ],
  ['killable',        'KILL',    'gone'           ],
  ['killable',        'TERM',    'gone'           ],
  ['killable',        'STOP',    'killable'       ],
  ['uninterruptible', 'KILL',    'uninterruptible'],
  ['uninterruptible', 'STOP',    'uninterruptible'],
])('%s sleep, %s: %s', (state, signal, after) => {
  const machine = machineWith([sleeping(state)]);
  sendSignal(machine.kernel, taskOf(machine), signal);
  machine.advance(0);
  expect(stateOf(machine)).toBe(after);
});

test('a signal that cannot wake takes effect when the sleep is over', () => {
  const machine = machineWith([sleeping('uninterruptible')]);
  sendSignal(machine.kernel, taskOf(machine), 'KILL');
  machine.write(String(PID), 'control/wake');
  expect(stateOf(machine)).toBe('gone');
});

test('a sleep that begins with a signal pending is over at once', () => {
  const machine = machineWith([sleeping('uninterruptible'), sleeping('interruptible')]);
  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  machine.write(String(PID), 'control/wake');
  expect(stateOf(machine)).toBe('stopped');

  const unborn = new Machine({ functions: [{ name: 'f' }] });
  startTask(unborn.kernel, aTask({ pid: PID, program: [sleeping('killable')] }));
  sendSignal(unborn.kernel, taskOf(unborn), 'TERM');
  unborn.advance(0);
  expect(stateOf(unborn)).toBe('gone');
});

test('SIGSTOP and SIGCONT get a sleeper out of the old function and back into the new one', () => {
  const machine = machineWith([sleeping('interruptible')]);
  machine.insmod('p');
  expect(machine.cat('p/transition')).toBe('1');
  expect(machine.cat(`proc/${PID}/stack`)).toMatch(/^\[<0>\] f\+/);

  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  machine.advance(0);
  expect(machine.cat(`proc/${PID}/stack`)).toMatch(/^\[<0>\] do_signal_stop\+/);
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('0');
  sendSignal(machine.kernel, taskOf(machine), 'CONT');
  machine.advance(0);
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('1');
  expect(machine.cat(`proc/${PID}/stack`)).toMatch(/^\[<0>\] livepatch_f\+/);
  machine.advance(2000);
  expect(machine.cat('p/transition')).toBe('0');
});

test('a stopped process holds nothing up: it is outside of the function', () => {
  const machine = machineWith([sleeping('interruptible')]);
  machine.insmod('p');
  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  machine.advance(2000);
  expect([machine.cat('p/transition'), stateOf(machine)]).toEqual(['0', 'stopped']);
});

test('a process that computes stops and goes on with what it had left, or ends', () => {
  const machine = machineWith([{ kind: 'compute', durationNs: 100e6 }, { kind: 'exit' }]);
  machine.advance(39);
  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  machine.advance(500);
  expect(stateOf(machine)).toBe('stopped');
  sendSignal(machine.kernel, taskOf(machine), 'CONT');
  machine.advance(50);
  expect(stateOf(machine)).toBe('runnable');
  machine.advance(20);
  expect(stateOf(machine)).toBe('gone');

  const killed = machineWith([{ kind: 'compute', durationNs: 100e9 }]);
  sendSignal(killed.kernel, taskOf(killed), 'TERM');
  killed.advance(4);
  expect(stateOf(killed)).toBe('gone');
});

test('kthreads take no signals, init none that would end it', () => {
  const machine = machineWith([sleeping('interruptible')], true);
  sendSignal(machine.kernel, taskOf(machine), 'KILL');
  machine.advance(0);
  expect(stateOf(machine)).toBe('interruptible');
  expect(() => sendSignal(machine.kernel, taskOf(machine), 'NOSUCH')).toThrow("signal 'NOSUCH'");
});

test('a child has the state and the flag of its parent, and switches on its way out', () => {
  const machine = machineWith([sleeping('interruptible')]);
  machine.insmod('p');
  machine.advance(500);
  const { tasks } = machine.kernel;
  const child = forkByRequest(machine.kernel, taskOf(machine));
  expect([tasks.patchState[child], tasks.patchPending[child]]).toEqual([0, 1]);
  const behind = [...(explainTransition(machine.kernel)?.behind ?? [])];
  expect(behind.map(({ task, sinceNs }) => [tasks.pid[task], sinceNs])).toContainEqual([
    tasks.pid[child],
    machine.kernel.clock.nowNs,
  ]);
  machine.advance(0);
  const childPid = tasks.pid[child];
  expect(machine.cat(`proc/${childPid}/patch_state`)).toBe('1');
  expect(machine.cat(`proc/${childPid}/stack`)).toMatch(/^\[<0>\] livepatch_f\+/);
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('0');
});

test('a program may fork', () => {
  const machine = machineWith([
    { kind: 'fork', comm: 'child', steps: [sleeping('killable')] },
    sleeping('interruptible'),
  ]);
  const rows = JSON.parse(machine.cat('control/tasks')) as { comm: string; state: string }[];
  expect(rows.filter(({ comm }) => comm === 'child').map(({ state }) => state)).toEqual([
    'killable',
  ]);
});

test('a task that is asked to calls a function, and sleeps on as before', () => {
  const machine = machineWith([sleeping('interruptible')]);
  callByRequest(machine.kernel, taskOf(machine), 'called');
  machine.advance(0);
  expect(called).toEqual([`called by ${PID}`]);
  expect([stateOf(machine), machine.cat(`proc/${PID}/stack`)]).toEqual([
    'interruptible',
    '[<0>] f+0x20/0x40',
  ]);
  expect(() => callByRequest(machine.kernel, taskOf(machine), 'nosuch')).toThrow('nosuch');
});

test('a task that cannot be interrupted makes its calls when its sleep is over', () => {
  const machine = machineWith([sleeping('uninterruptible')]);
  callByRequest(machine.kernel, taskOf(machine), 'called');
  callByRequest(machine.kernel, taskOf(machine), 'called');
  machine.advance(5);
  expect(called).toEqual([]);
  machine.write(String(PID), 'control/wake');
  expect(called).toHaveLength(2);
});

test('a task can be made to disappear, unless the machine needs it', () => {
  const machine = machineWith([sleeping('uninterruptible')]);
  machine.insmod('p');
  endTask(machine.kernel, taskOf(machine));
  machine.advance(2000);
  expect([stateOf(machine), machine.cat('p/transition')]).toEqual(['gone', '0']);
  expect(() => endTask(machine.kernel, taskOf(machine, 3))).toThrow('needs kworker/0:0');
});

test('of several signals the lowest comes first: nothing stops who is to die', () => {
  const machine = machineWith([sleeping('uninterruptible')]);
  for (const signal of ['STOP', 'STOP', 'TERM', 'KILL']) {
    sendSignal(machine.kernel, taskOf(machine), signal);
  }
  machine.write(String(PID), 'control/wake');
  expect(stateOf(machine)).toBe('gone');

  const stopped = machineWith([sleeping('interruptible')]);
  sendSignal(stopped.kernel, taskOf(stopped), 'STOP');
  stopped.advance(0);
  sendSignal(stopped.kernel, taskOf(stopped), 'KILL');
  stopped.advance(0);
  expect(stateOf(stopped)).toBe('gone');
});

test('SIGCONT takes back a stop that has not taken effect', () => {
  const machine = machineWith([sleeping('uninterruptible'), sleeping('interruptible')]);
  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  sendSignal(machine.kernel, taskOf(machine), 'CONT');
  machine.write(String(PID), 'control/wake');
  expect(stateOf(machine)).toBe('interruptible');
});

test('a stop does not keep a killable sleep from beginning; init takes no signal', () => {
  const machine = machineWith([sleeping('uninterruptible'), sleeping('killable')]);
  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  machine.write(String(PID), 'control/wake');
  expect(stateOf(machine)).toBe('stopped');
  sendSignal(machine.kernel, taskOf(machine), 'CONT');
  machine.advance(0);
  sendSignal(machine.kernel, taskOf(machine), 'STOP');
  expect(stateOf(machine)).toBe('killable');

  startTask(machine.kernel, aTask({ comm: 'init', pid: 1, program: [sleeping('interruptible')] }));
  machine.advance(0);
  sendSignal(machine.kernel, taskOf(machine, 1), 'KILL');
  machine.advance(0);
  expect(runStateOf(machine.kernel.tasks, taskOf(machine, 1))).toBe('interruptible');
});

/** Sleeps until a signal comes, and returns then; the machine's process calls it, and something else afterwards. */
function machineWithInterruptible(result: number): Machine {
  const waits = {
    name: 'waits',
    *body({ kernel }: { kernel: Machine['kernel'] }) {
      called.push('waits');
      yield* sleepFor(kernel, 'interruptible', 1e9);
      return result;
    },
  };
  const program: Step[] = [
    { kind: 'call', functions: ['vfs_read', 'waits'] },
    { kind: 'sleep', functions: ['afterwards'], state: 'interruptible', durationNs: undefined },
  ];
  called.length = 0;
  const machine = new Machine({
    functions: [{ name: 'vfs_read' }, { name: 'afterwards' }, waits],
    tasks: [aTask({ pid: PID, program })],
  });
  machine.advance(1);
  return machine;
}

// biome-ignore format: the columns are the point
test.each<[result: number, calls: number, stack: RegExp]>([
  [-512, 2, /waits.*\n.*vfs_read/],
  [-513, 2, /waits.*\n.*vfs_read/],
  [-514, 2, /waits.*\n.*vfs_read/],
  [-516, 2, /waits.*\n.*vfs_read/],
  [-4,   1, /afterwards/          ],
  [0,    1, /afterwards/          ],
])('a system call that a signal ends with %d was made %d times', (result, calls, stack) => {
  const machine = machineWithInterruptible(result);
  for (const signal of ['STOP', 'CONT']) {
    sendSignal(machine.kernel, taskOf(machine), signal);
    machine.advance(1);
  }
  expect(called).toHaveLength(calls);
  expect(machine.cat(`proc/${PID}/stack`)).toMatch(stack);
});

test('without a signal it is not made again', () => {
  const machine = machineWithInterruptible(-512);
  machine.advance(1001);
  expect(machine.cat(`proc/${PID}/stack`)).toMatch(/afterwards/);
});

/** A function that sleeps, as those of modules may. */
const SLOW = {
  name: 'slow',
  *body({ kernel }: { kernel: Machine['kernel'] }) {
    yield* sleepFor(kernel, 'uninterruptible', 1e9);
    called.push(`slow by ${kernel.tasks.pid[kernel.current]}`);
    return 0;
  },
};

function machineWithSlow(): Machine {
  const machine = new Machine({
    cpus: 2,
    functions: [{ name: 'f' }, SLOW],
    modules: [aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('slow', '')] })]) })],
    tasks: [aTask({ pid: PID, cpu: 1, program: [sleeping('uninterruptible')] })],
  });
  machine.advance(1);
  called.length = 0;
  return machine;
}

test('a call that sleeps inside its function is in it until it returns, and then comes the next', () => {
  const machine = machineWithSlow();
  for (let times = 0; times < 2; times += 1) callByRequest(machine.kernel, taskOf(machine), 'slow');
  machine.write(String(PID), 'control/wake');
  machine.insmod('p');
  expect(machine.cat(`proc/${PID}/stack`)).toBe('[<0>] slow+0x20/0x40');
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('0');
  machine.advance(1001);
  expect(called).toEqual([`slow by ${PID}`]);
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('1');
  expect(machine.cat(`proc/${PID}/stack`)).toBe('[<0>] f+0x20/0x40');
});

test('code that tries a refused sleep again and again does not stop time', () => {
  const machine = new Machine({
    functions: [
      {
        name: 'stubborn',
        *body({ kernel }) {
          while ((yield* sleepFor(kernel, 'interruptible', 1e9)) !== 'timeout');
          return 0;
        },
      },
    ],
    tasks: [aTask({ pid: PID, program: [{ kind: 'call', functions: ['stubborn'] }] })],
  });
  machine.advance(1);
  sendSignal(machine.kernel, taskOf(machine), 'TERM');
  machine.advance(10);
  expect(stateOf(machine)).toBe('runnable');
});

test('a function that fails is a bug of its own', () => {
  const machine = new Machine({
    functions: [
      {
        name: 'broken',
        // biome-ignore lint/correctness/useYield: it fails before it could
        *body(): Generator<never, number> {
          throw new Error('a mistake');
        },
      },
    ],
    tasks: [
      aTask({ pid: PID, program: [{ kind: 'call', functions: ['broken'] }, sleeping('killable')] }),
    ],
  });
  machine.advance(0);
  expect(machine.dmesg()).toEqual([`klpfs: bug in task ${PID}: Error: a mistake`]);
  expect(stateOf(machine)).toBe('killable');
});

// biome-ignore format: the columns are the point
test.each<[Release, patchState: string]>([
  // The patch state comes after signals, and a process that stops is not through with them.
  ['4.15', '0'],
  ['6.1',  '1'],
])('on %s a process that is stopped in a transition has the patch state %s', (release, patchState) => {
  const machine = new Machine({ release, modules: [cmdlinePatch('p')] });
  sleeperIn(machine, 'cmdline_proc_show');
  machine.insmod('p');
  machine.write('STOP 4242', 'control/kill');
  machine.advance(0);
  expect(machine.cat('proc/4242/status')).toMatch(/^State:\tT/m);
  expect(machine.cat('proc/4242/patch_state')).toBe(patchState);
});

/** Processes of the host that are tasks of the machine: where they are in a transition, and when. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  adoptTask,
  endAdopted,
  findAdopted,
  releaseAdopted,
} from '../../src/engine/sched/adopt.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import { findTask, isPatchPending } from '../../src/engine/sched/task.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';
import { sleepIn } from '../support/scenario.ts';
import { aTask } from '../support/tasks.ts';

const SHELL = 900;
/** A task of the machine itself, which sleeps in a function and holds transitions up. */
const READER = 500;

/** `slow` makes /proc/cmdline wait until its reader is woken. */
const MODULES = [
  aModule({
    name: 'slow',
    patch: aPatch([
      anObject({
        funcs: [
          aFunc('cmdline_proc_show', '', {
            newFunction: {
              name: 'slow_show',
              body: function* ({ kernel }) {
                const wakeup = yield* sleepFor(kernel, 'interruptible', undefined);
                return wakeup === 'signal' ? -4 : 0;
              },
            },
          }),
        ],
      }),
    ]),
  }),
  cmdlinePatch('fast'),
  aModule({
    name: 'both',
    patch: aPatch([anObject({ funcs: [aFunc('f', ''), aFunc('cmdline_proc_show', 'both\n')] })]),
  }),
  aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('f', '')] })]) }),
];

function machineWith({ cpus = 1 } = {}): Machine {
  const machine = new Machine({
    cpus,
    functions: [{ name: 'f' }],
    modules: MODULES,
    tasks: [aTask({ comm: 'reader', pid: READER, program: [sleepIn('f')] })],
  });
  machine.advance(1);
  return machine;
}

/** Found, but not yet through its first steps in the machine. */
function find(machine: Machine, pid: number, { tgid = pid, parentPid = 1, comm = 'sh' } = {}) {
  return adoptTask(machine.kernel, { pid, tgid, parentPid, comm });
}

function adopt(machine: Machine, pid: number, arrival = {}): void {
  find(machine, pid, arrival);
  machine.advance(0);
}

function end(machine: Machine, pid: number): boolean {
  return endAdopted(machine.kernel, findTask(machine.kernel.tasks, pid) ?? -1);
}

const stateOf = (machine: Machine, pid: number) => machine.cat(`proc/${pid}/patch_state`);

test('a process of the host is a sleeping process of the machine, under its own pid', () => {
  const machine = machineWith({ cpus: 2 });
  adopt(machine, SHELL, { comm: 'bash' });
  adopt(machine, 70_000, { parentPid: SHELL });
  expect(machine.ls('proc')).toContain('900');
  expect(machine.cat('proc/900/comm')).toBe('bash');
  expect(machine.cat('proc/70000/stat').split(' ').slice(0, 6)).toEqual([
    '70000',
    '(sh)',
    'S',
    '900',
    '900',
    '900',
  ]);
  expect([machine.cat('proc/900/stack'), stateOf(machine, SHELL)]).toEqual(['', '-1']);
  expect(machine.cat('control/tasks')).toMatch(/"comm":"bash","kind":"host","state":"inter/);
});

test.each([1, 2])('with %i cpus the first pass of a transition switches it', (cpus) => {
  const machine = machineWith({ cpus });
  adopt(machine, SHELL);
  machine.insmod('p');
  expect([stateOf(machine, SHELL), stateOf(machine, READER)]).toEqual(['1', '0']);
  expect(machine.cat('p/transition')).toBe('1');
});

test('its requests run in it: its stack, its name in the trace, its state', () => {
  const machine = machineWith();
  adopt(machine, SHELL, { comm: 'bash' });
  machine.insmod('slow');
  machine.echo('cmdline_proc_show', 'sys/kernel/tracing/set_ftrace_filter');
  machine.echo('function', 'sys/kernel/tracing/current_tracer');
  const read = machine.as(SHELL, () => machine.startRead('proc/cmdline'));
  expect(machine.cat('sys/kernel/tracing/trace')).toMatch(/bash-900 .* cmdline_proc_show <-/);
  expect(machine.cat('proc/900/stack').split('\n')[0]).toContain('slow_show+');
  expect(
    JSON.parse(machine.cat('control/tasks')).filter(
      ({ kind }: { kind: string }) => kind === 'client',
    ),
  ).toEqual([]);

  machine.insmod('fast');
  expect([stateOf(machine, SHELL), machine.cat('fast/transition')]).toEqual(['0', '1']);
  machine.write(String(SHELL), 'control/wake');
  expect(read.answer).toBe('');
  expect([machine.cat('proc/900/stack'), stateOf(machine, SHELL)]).toEqual(['', '1']);
});

test('between two requests it has been in user space: a request begins where the transition goes', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  const read = () => machine.as(SHELL, () => machine.cat('proc/cmdline'));
  machine.insmod('both');
  expect([stateOf(machine, SHELL), read()]).toEqual(['1', 'both']);
  machine.echo('0', 'both/enabled');
  expect([stateOf(machine, SHELL), read()]).toEqual(['1', 'quiet']);
  expect(stateOf(machine, SHELL)).toBe('0');
});

test('who enables a patch is in the transition that this begins', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  expect(machine.as(SHELL, () => machine.insmod('p'))).toBe('ok');
  expect(stateOf(machine, SHELL)).toBe('1');
});

/** A transition to `fast`, with the shell in the function that it replaces. */
function machineWithStraggler(): Machine {
  const machine = machineWith();
  adopt(machine, SHELL);
  machine.insmod('slow');
  machine.as(SHELL, () => machine.startRead('proc/cmdline'));
  machine.insmod('fast');
  return machine;
}

// biome-ignore format: the columns are the point
test.each<[what: string, pid: number, arrival: object, found: string, then: string]>([
  // what                                pid  arrival                          as found  in user space
  ['a child of a straggler',             901, { parentPid: SHELL },            '0',      '1'],
  ['a thread of a straggler',            901, { tgid: SHELL },                 '0',      '1'],
  ['a child of nobody that we know',     901, { parentPid: 899 },              '1',      '1'],
])('%s', (_, pid, arrival, found, then) => {
  const machine = machineWithStraggler();
  find(machine, pid, arrival);
  expect(stateOf(machine, pid)).toBe(found);
  machine.advance(0);
  expect(stateOf(machine, pid)).toBe(then);
});

test("a process whose parent has the pid of one of the machine's own tasks is not its child", () => {
  const machine = machineWith();
  machine.insmod('p');
  find(machine, SHELL, { parentPid: READER });
  expect([stateOf(machine, READER), stateOf(machine, SHELL)]).toEqual(['0', '1']);
});

test('threads are those of their process', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  adopt(machine, 901, { tgid: SHELL, comm: 'worker' });
  expect(machine.ls('proc/900/task')).toEqual(['900', '901']);
  expect(machine.cat('proc/900/task/901/comm')).toBe('worker');
  expect(machine.ls('proc')).not.toContain('901');
  expect(end(machine, 901)).toBe(true);
  expect(machine.ls('proc/900/task')).toEqual(['900']);
});

test('what has ended is a zombie until its parent has noticed', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  adopt(machine, 901, { parentPid: SHELL });
  expect(end(machine, 901)).toBe(true);
  expect(machine.cat('proc/901/stat').split(' ')[2]).toBe('Z');
  releaseAdopted(machine.kernel, 901);
  expect(machine.cat('proc/901/stat')).toBe('ENOENT');
  end(machine, SHELL);
  expect([machine.ls('proc').includes('900'), machine.kernel.tasks.adopted.size]).toEqual([
    false,
    0,
  ]);
});

test('orphans are children of init', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  adopt(machine, 901, { parentPid: SHELL });
  end(machine, SHELL);
  expect(machine.cat('proc/901/stat').split(' ')[3]).toBe('1');
});

test('what ends during a transition does not hold it up', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  machine.insmod('p');
  machine.echo('0', 'p/enabled');
  end(machine, SHELL);
  machine.advance(3000);
  expect(machine.cat('p/transition')).toBe('0');
});

test('it does not end in the middle of a request', () => {
  const machine = machineWithStraggler();
  expect(end(machine, SHELL)).toBe(false);
  machine.write(String(SHELL), 'control/wake');
  expect(end(machine, SHELL)).toBe(true);
});

test('a signal ends its sleep in the machine, and is for the process to take', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  machine.insmod('slow');
  const read = machine.as(SHELL, () => machine.startRead('proc/cmdline'));
  read.interrupt();
  machine.advance(0);
  expect(read.answer).toBe('');
  expect(machine.cat('proc/900/stat').split(' ')[2]).toBe('S');
});

test('a second request at the same time has a process of its own', () => {
  const machine = machineWithStraggler();
  expect(machine.as(SHELL, () => machine.cat('proc/cmdline'))).toBe('fast');
  expect(stateOf(machine, SHELL)).toBe('0');
});

// biome-ignore format: the columns are the point
test.each([
  ['exit', '900'], ['fork', '900'], ['kill', 'TERM 900'],
])('control/%s is not for processes of the host', (verb, request) => {
  const machine = machineWith();
  adopt(machine, SHELL);
  expect(machine.write(request, `control/${verb}`)).toBe('EPERM');
  expect(machine.dmesg().join()).toContain('900 is a process of the host');
});

test('a call that is asked for is made in it', () => {
  const machine = machineWith();
  adopt(machine, SHELL);
  machine.insmod('slow');
  expect(machine.write('900 cmdline_proc_show', 'control/call')).toBe('ok');
  expect(machine.cat('proc/900/wchan')).toBe('slow_show');
  machine.write('900', 'control/wake');
  expect(machine.cat('proc/900/wchan')).toBe('0');
});

type Action =
  | { adopt: number; parent: number }
  | { thread: number; of: number }
  | { end: number }
  | { release: number }
  | { read: number }
  | { write: number; path: string }
  | { advanceMs: number };
const pid = fc.integer({ min: 900, max: 905 });
const action = fc.oneof(
  fc.record({ adopt: pid, parent: pid }),
  fc.record({ thread: pid, of: pid }),
  fc.record({ end: pid }),
  fc.record({ release: pid }),
  fc.record({ read: pid }),
  fc.record({ write: pid, path: fc.constantFrom('control/insmod', 'control/wake') }),
  fc.record({ advanceMs: fc.nat(2500) }),
);

function perform(machine: Machine, act: Action): void {
  const { kernel } = machine;
  const has = (wanted: number) => findAdopted(kernel, wanted) !== undefined;
  if ('adopt' in act) {
    if (!has(act.adopt)) find(machine, act.adopt, { parentPid: act.parent });
  } else if ('thread' in act) {
    const isProcess = has(act.of) && machine.ls('proc').includes(String(act.of));
    if (!has(act.thread) && isProcess) find(machine, act.thread, { tgid: act.of });
  } else if ('end' in act) {
    if (has(act.end)) end(machine, act.end);
  } else if ('release' in act) {
    releaseAdopted(kernel, act.release);
  } else if ('read' in act) {
    machine.as(act.read, () => machine.startRead('proc/cmdline'));
  } else if ('write' in act) {
    const text =
      act.path === 'control/wake'
        ? String(act.write)
        : (['slow', 'fast', 'p'][act.write % 3] ?? '');
    machine.as(act.write, () => machine.startWrite(text, act.path));
  } else {
    machine.advance(act.advanceMs);
  }
}

/** The pids of all but kthreads: whatever they wait for, they can be woken. */
function processesOf(machine: Machine): number[] {
  const tasks: { pid: number; kind: string }[] = JSON.parse(machine.cat('control/tasks'));
  return tasks.filter(({ kind }) => !['kthread', 'idle'].includes(kind)).map(({ pid }) => pid);
}

test('whoever comes, goes and asks: transitions end, and nobody is pending afterwards', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 25 }), fc.constantFrom(1, 2), (actions, cpus) => {
      const machine = machineWith({ cpus });
      for (const act of actions) perform(machine, act);
      for (let round = 0; round < 2; round += 1) {
        machine.advance(5000);
        for (const waiting of processesOf(machine)) machine.write(String(waiting), 'control/wake');
      }
      machine.advance(5000);
      const { tasks } = machine.kernel;
      expect(machine.cat('control/transition')).toBe('null');
      expect([...listByPid(tasks)].filter((task) => isPatchPending(tasks, task))).toEqual([]);
    }),
  );
});

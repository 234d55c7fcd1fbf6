/** Processes: threads, children, zombies, and the code that they may execute instead of steps. */
import { expect, test } from 'vitest';
import { callFunction } from '../../src/engine/call.ts';
import { lookupName } from '../../src/engine/kallsyms.ts';
import type { Kernel } from '../../src/engine/kernel.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import { listByPid } from '../../src/engine/sched/pass.ts';
import type { Step } from '../../src/engine/sched/program.ts';
import { sendSignal } from '../../src/engine/sched/signal.ts';
import { startTasks } from '../../src/engine/sched/start.ts';
import {
  commOf,
  cpuOf,
  findTask,
  kindOf,
  pidOf,
  runStateOf,
  tgidOf,
} from '../../src/engine/sched/task.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask, aThread } from '../support/tasks.ts';

const PID = 500;

const sleepIn = (...functions: string[]): Step => ({
  kind: 'sleep',
  functions,
  state: 'interruptible',
  durationNs: undefined,
});
const EXIT: Step = { kind: 'exit' };
const sleepThen = (...steps: Step[]) => [sleepIn('elsewhere'), ...steps];
const forked = (...steps: Step[]): Step => ({ kind: 'fork', comm: 'child', steps });

function machineOf(program: readonly Step[], ...threads: (readonly Step[])[]): Machine {
  const machine = new Machine({
    functions: [{ name: 'f' }, { name: 'elsewhere' }, { name: 'do_wait' }],
    modules: [aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('f', '')] })]) })],
    tasks: [
      aTask({
        comm: 'process',
        pid: PID,
        program,
        threads: threads.map((steps, index) => aThread({ pid: PID + 1 + index, program: steps })),
      }),
    ],
  });
  machine.advance(1);
  return machine;
}

/** `comm state` of all user tasks, or of one. */
function tasksOf(machine: Machine): string[] {
  const rows: { pid: number; comm: string; kind: string; state: string }[] = JSON.parse(
    machine.cat('control/tasks'),
  );
  return rows
    .filter(({ kind }) => kind === 'user')
    .map(({ pid, comm, state }) => `${pid} ${comm} ${state}`);
}

function signal(machine: Machine, name: string, pid = PID): void {
  sendSignal(machine.kernel, findTask(machine.kernel.tasks, pid) ?? -1, name);
  machine.advance(0);
}

function wake(machine: Machine, pid: number): void {
  expect(machine.write(String(pid), 'control/wake')).toBe('ok');
}

function statusOf(machine: Machine, path: string, ...names: string[]): string[] {
  const lines = machine.cat(`proc/${path}/status`).split('\n');
  return lines
    .filter((line) => names.includes(line.split(':')[0] ?? ''))
    .map((line) => line.replace('\t', ' '));
}

test('threads are below task/ of their process, found in /proc, and not listed there', () => {
  const machine = machineOf([sleepIn()], [sleepIn()], [sleepIn()]);
  expect(machine.ls(`proc/${PID}/task`)).toEqual(['500', '501', '502']);
  expect(machine.ls('proc/501/task')).toEqual(['500', '501', '502']);
  expect(machine.ls('proc').filter((name) => name.startsWith('50'))).toEqual(['500']);
  expect(statusOf(machine, `${PID}/task/502`, 'Tgid', 'Pid', 'Threads')).toEqual([
    'Tgid: 500',
    'Pid: 502',
    'Threads: 3',
  ]);
  expect(machine.cat('proc/502/stat').split(' ').slice(0, 4)).toEqual([
    '502',
    '(thread)',
    'S',
    '1',
  ]);
  expect(machine.find(`proc/${PID}/task`)?.attributes().nlink).toBe(5);
});

test('two threads of one process are in different states', () => {
  const machine = machineOf([sleepIn('f')], [sleepIn('elsewhere')]);
  machine.insmod('p');
  const states = () =>
    ['500', '500/task/500', '500/task/501', '501'].map((path) =>
      machine.cat(`proc/${path}/patch_state`),
    );
  expect(states()).toEqual(['0', '0', '1', '1']);
  wake(machine, PID);
  expect(states()).toEqual(['1', '1', '1', '1']);
  machine.advance(2000);
  expect(states()).toEqual(['-1', '-1', '-1', '-1']);
});

test('a thread that another one starts has its state and its flag', () => {
  const machine = machineOf([
    sleepIn('f'),
    { kind: 'thread', comm: 'late', steps: [sleepIn('f')] },
    sleepIn('f'),
  ]);
  machine.insmod('p');
  signal(machine, 'STOP');
  const { tasks } = machine.kernel;
  expect(machine.cat(`proc/${PID}/patch_state`)).toBe('0');
  signal(machine, 'CONT');
  wake(machine, PID);
  expect(machine.ls(`proc/${PID}/task`)).toHaveLength(2);
  const late = Number(machine.ls(`proc/${PID}/task`)[1]);
  expect(pidOf(tasks, findTask(tasks, late) ?? -1)).toBe(late);
  expect(machine.cat(`proc/${late}/stack`)).toContain('livepatch_f+');
});

// biome-ignore format: the columns are the point
test.each<[sent: string, to: number, after: string[]]>([
  ['STOP', 500, ['500 process stopped', '501 thread stopped']],
  ['STOP', 501, ['500 process stopped', '501 thread stopped']],
  ['TERM', 501, []],
  ['CHLD', 500, ['500 process interruptible', '501 thread interruptible']],
])('SIG%s for %i reaches the whole process', (sent, to, after) => {
  const machine = machineOf([sleepIn()], [sleepIn()]);
  signal(machine, sent, to);
  expect(tasksOf(machine)).toEqual(after);
});

test('a process whose first thread has ended is a zombie until the others have', () => {
  const machine = machineOf(sleepThen(EXIT), sleepThen(EXIT));
  wake(machine, 500);
  expect(tasksOf(machine)).toEqual(['500 process zombie', '501 thread interruptible']);
  expect(machine.write('500', 'control/exit')).toBe('EBUSY');
  expect(statusOf(machine, '500', 'State', 'Threads')).toEqual(['State: Z (zombie)', 'Threads: 2']);
  wake(machine, 501);
  expect([tasksOf(machine), machine.cat('proc/500/comm')]).toEqual([[], 'ENOENT']);
});

test('a zombie takes no signal, and its threads do', () => {
  const machine = machineOf(sleepThen(EXIT), [sleepIn()]);
  wake(machine, 500);
  signal(machine, 'STOP');
  expect(tasksOf(machine)).toEqual(['500 process zombie', '501 thread stopped']);
  signal(machine, 'KILL', 501);
  expect(tasksOf(machine)).toEqual([]);
});

test('a thread that ends leaves nothing behind; exit_group ends them all', () => {
  const machine = machineOf(sleepThen({ kind: 'exit-group' }), sleepThen(EXIT), [sleepIn('f')]);
  wake(machine, 501);
  expect(tasksOf(machine)).toEqual(['500 process interruptible', '502 thread interruptible']);
  wake(machine, 500);
  expect(tasksOf(machine)).toEqual([]);
});

test('exit_group of a thread ends the first one too; one that cannot be interrupted, later', () => {
  const stuck: Step = {
    kind: 'sleep',
    functions: ['f'],
    state: 'uninterruptible',
    durationNs: undefined,
  };
  const machine = machineOf([stuck], sleepThen({ kind: 'exit-group' }));
  wake(machine, 501);
  expect(tasksOf(machine)).toEqual(['500 process uninterruptible']);
  wake(machine, 500);
  expect(tasksOf(machine)).toEqual([]);
});

test('a child is a zombie until its parent waits for it', () => {
  const machine = machineOf([
    forked(...sleepThen(EXIT)),
    sleepIn('elsewhere'),
    { kind: 'wait-child' },
    sleepIn('f'),
  ]);
  const child = Number(/(\d+) child/.exec(tasksOf(machine).join())?.[1]);
  expect(statusOf(machine, String(child), 'PPid')).toEqual([`PPid: ${PID}`]);
  wake(machine, child);
  expect(tasksOf(machine)).toEqual([`${child} child zombie`, '500 process interruptible'].sort());
  expect(machine.cat(`proc/${child}/stack`)).toBe('');

  wake(machine, PID);
  expect(tasksOf(machine)).toEqual(['500 process interruptible']);
  expect(machine.cat(`proc/${PID}/stack`)).toContain('f+');
});

test('a parent that waits sleeps until a child has exited, through signals too', () => {
  const machine = machineOf([forked(...sleepThen(EXIT)), { kind: 'wait-child' }, sleepIn('f')]);
  const child = Number(/(\d+) child/.exec(tasksOf(machine).join())?.[1]);
  expect(machine.cat(`proc/${PID}/stack`)).toBe('[<0>] do_wait+0x20/0x40');
  signal(machine, 'STOP');
  wake(machine, child);
  expect(tasksOf(machine).sort()).toEqual([`${child} child zombie`, '500 process stopped'].sort());
  signal(machine, 'CONT');
  expect(tasksOf(machine)).toEqual(['500 process interruptible']);
  expect(machine.cat(`proc/${PID}/stack`)).toContain('f+');
});

test('an orphan is a child of init, in the session of the parent that it had', () => {
  const machine = machineOf([forked(sleepIn('f')), ...sleepThen(EXIT)]);
  const child = Number(/(\d+) child/.exec(tasksOf(machine).join())?.[1]);
  wake(machine, PID);
  expect(tasksOf(machine)).toEqual([`${child} child interruptible`]);
  expect(statusOf(machine, String(child), 'PPid', 'NSsid')).toEqual(['PPid: 1', `NSsid: ${PID}`]);
});

test('a parent without children does not wait; init takes the zombies of those that end', () => {
  const machine = machineOf([{ kind: 'wait-child' }, forked(EXIT), ...sleepThen(EXIT)]);
  expect(tasksOf(machine).filter((task) => task.endsWith('zombie'))).toHaveLength(1);
  wake(machine, PID);
  expect(tasksOf(machine)).toEqual([]);
});

test('a zombie can be taken away by hand', () => {
  const machine = machineOf([forked(EXIT), sleepIn('f')]);
  const child = Number(/(\d+) child/.exec(tasksOf(machine).join())?.[1]);
  expect(machine.write(String(child), 'control/exit')).toBe('ok');
  expect(tasksOf(machine)).toEqual(['500 process interruptible']);
});

test('a zombie in the state that is left switches at the next pass', () => {
  const machine = machineOf([forked(...sleepThen(EXIT)), sleepIn('f')], [sleepIn('f')]);
  machine.insmod('p');
  const child = Number(/(\d+) child/.exec(tasksOf(machine).join())?.[1]);
  machine.echo('0', 'p/enabled');
  expect(machine.write(String(child), 'control/exit')).toBe('ok');
  expect(machine.cat(`proc/${child}/patch_state`)).toBe('1');
  machine.advance(2000);
  expect([machine.cat('p/transition'), machine.cat(`proc/${child}/patch_state`)]).toEqual([
    '0',
    '-1',
  ]);
});

test('who waits for an event is found by nobody once a signal has taken it away', () => {
  const machine = machineOf([{ kind: 'wait', event: 'go' }, sleepIn('f')], []);
  signal(machine, 'STOP');
  expect(machine.kernel.events.get('go')?.waiters.size).toBe(0);
  wake(machine, PID);
  expect(runStateOf(machine.kernel.tasks, findTask(machine.kernel.tasks, PID) ?? -1)).toBe(
    'stopped',
  );
  signal(machine, 'CONT');
  expect(machine.kernel.events.get('go')?.waiters.size).toBe(1);
});

test('an open file of a process that is gone is not that of the next owner of its pid', () => {
  const machine = machineOf(sleepThen(EXIT));
  const file = machine.open(`proc/${PID}/comm`, 0);
  const directory = machine.find(`proc/${PID}`);
  wake(machine, PID);
  const again = machineOfSamePid(machine);
  expect(machine.cat(`proc/${PID}/comm`)).toBe(again);
  expect(machine.attempt(() => String(machine.finish(file.read(0, 4096))))).toBe('ESRCH');
  expect(directory?.kind === 'directory' && directory.lookup('comm')).toBeUndefined();
});

function machineOfSamePid(machine: Machine): string {
  startTasks(machine.kernel, [aTask({ comm: 'successor', pid: PID, program: [sleepIn()] })]);
  machine.advance(0);
  return 'successor';
}

/** A process in code: it sleeps in f, computes, and counts how often it was interrupted. */
function* code(kernel: Kernel, seen: string[]): Context {
  const f = lookupName(kernel.kallsyms, 'slow');
  if (!f) throw new Error('no slow');
  seen.push(`slow returned ${yield* callFunction(kernel, f)}`);
  yield { kind: 'compute', durationNs: 50e6 };
  seen.push('computed');
}

function machineWithCode(kthread: boolean, seen: string[]): Machine {
  const machine = new Machine({
    cpus: 2,
    functions: [
      {
        name: 'slow',
        body: function* ({ kernel }) {
          return (yield* sleepFor(kernel, 'interruptible', 1e9)) === 'timeout' ? 7 : -4;
        },
      },
    ],
    modules: [aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('slow', '')] })]) })],
    tasks: [
      aTask({
        pid: PID,
        kthread,
        program: [{ kind: 'run', body: (kernel) => code(kernel, seen) }, EXIT],
      }),
    ],
  });
  machine.advance(1);
  return machine;
}

test.each([true, false])(
  'a program may be code that sleeps inside functions; kthread: %s',
  (kthread) => {
    const seen: string[] = [];
    const machine = machineWithCode(kthread, seen);
    machine.insmod('p');
    expect(machine.cat(`proc/${PID}/stack`)).toContain('slow+');
    expect(machine.cat(`proc/${PID}/patch_state`)).toBe('0');
    machine.advance(1010);
    expect(seen).toEqual(['slow returned 7']);
    expect(machine.cat(`proc/${PID}/patch_state`)).toBe(kthread ? '0' : '1');
    machine.advance(50);
    expect([seen.at(-1), machine.cat(`proc/${PID}/comm`)]).toEqual(['computed', 'ENOENT']);
  },
);

test('code is told of a signal, which takes effect on the way to user space', () => {
  const seen: string[] = [];
  const machine = machineWithCode(false, seen);
  signal(machine, 'TERM');
  expect(seen).toEqual(['slow returned -4']);
  expect(machine.cat(`proc/${PID}/comm`)).toBe('ENOENT');
  expect(machine.kernel.threads.size).toBe(machine.kernel.workerPools.length * 2);
});

test('nothing can be put into code, which can be ended all the same', () => {
  const seen: string[] = [];
  const machine = machineWithCode(false, seen);
  expect(machine.write(`${PID} slow`, 'control/call')).toBe('EINVAL');
  expect(machine.write(String(PID), 'control/exit')).toBe('ok');
  machine.advance(5000);
  expect([seen, machine.cat(`proc/${PID}/comm`)]).toEqual([[], 'ENOENT']);
});

test('code that throws is a bug of its own: the task goes on with its next step', () => {
  const machine = machineOf([
    {
      kind: 'run',
      // biome-ignore lint/correctness/useYield: it fails before it could
      body: function* (): Context {
        throw new Error('a mistake');
      },
    },
    sleepIn('f'),
  ]);
  expect(machine.dmesg().at(-1)).toBe('klpfs: bug in task 500: Error: a mistake');
  expect(machine.cat(`proc/${PID}/stack`)).toContain('f+');
});

const EXIT_GROUP: Step = { kind: 'exit-group' };
const COMPUTE_2MS: Step = { kind: 'compute', durationNs: 2e6 };

test('whoever of a process waits for a child is told, and the others when none is left', () => {
  const machine = machineOf(
    [forked(...sleepThen(EXIT)), { kind: 'wait-child' }, sleepIn('f')],
    [{ kind: 'wait-child' }, sleepIn('f')],
  );
  const child = Number(/(\d+) child/.exec(tasksOf(machine).join())?.[1]);
  wake(machine, 501);
  machine.advance(1);
  wake(machine, child);
  expect(['500', '501'].map((pid) => machine.cat(`proc/${pid}/stack`))).toEqual([
    expect.stringContaining('f+'),
    expect.stringContaining('f+'),
  ]);
});

test('a child of a thread is one of the process, and waited for once', () => {
  const machine = machineOf(
    [sleepIn('elsewhere'), { kind: 'wait-child' }, { kind: 'wait-child' }, sleepIn('f')],
    [{ kind: 'fork', comm: 'child', steps: [EXIT] }, sleepIn()],
  );
  const child = Number(/(\d+) child zombie/.exec(tasksOf(machine).join())?.[1]);
  expect(statusOf(machine, String(child), 'PPid')).toEqual(['PPid: 500']);
  wake(machine, PID);
  expect(machine.cat(`proc/${PID}/stack`)).toContain('f+');
});

test('a grandchild is in the session of its grandparent, who has its row next is not', () => {
  const machine = machineOf([forked(forked(sleepIn()), sleepIn()), sleepIn()]);
  const sessions = () =>
    tasksOf(machine).map((task) => statusOf(machine, task.split(' ')[0] ?? '', 'NSsid')[0]);
  expect(sessions()).toEqual(Array(3).fill(`NSsid: ${PID}`));
  for (const task of tasksOf(machine)) signal(machine, 'KILL', Number(task.split(' ')[0]));
  startTasks(machine.kernel, Array(4).fill(aTask({ program: [sleepIn()] })));
  machine.advance(1);
  expect(sessions()).toEqual(tasksOf(machine).map((task) => `NSsid: ${task.split(' ')[0]}`));
});

test('what a task waited for does not wake the one that has its row next', () => {
  const sleepASecond: Step = {
    kind: 'sleep',
    functions: [],
    state: 'interruptible',
    durationNs: 1e9,
  };
  const machine = machineOf([{ kind: 'wait', event: 'go' }, EXIT], []);
  startTasks(machine.kernel, [aTask({ pid: 600, program: [sleepASecond, EXIT] })]);
  machine.advance(1);
  for (const pid of ['500', '501', '600']) machine.write(pid, 'control/exit');
  const waker = [{ kind: 'signal', event: 'go' }, EXIT] as const;
  startTasks(machine.kernel, [
    ...Array(3).fill(aTask({ comm: 'next', program: [sleepIn(), EXIT] })),
    aTask({ program: waker }),
  ]);
  machine.advance(3000);
  expect(tasksOf(machine)).toHaveLength(3);
});

test('one definition of many tasks is as many: pids and cpus follow each other, threads too', () => {
  const anywhere = { cpu: undefined, program: [sleepIn()] };
  const { kernel } = new Machine({
    cpus: 3,
    tasks: [
      aTask({ ...anywhere, comm: 'many', pid: 600, count: 2 }),
      aTask({ ...anywhere, comm: 'free', count: 2, threads: [aThread({ ...anywhere, count: 2 })] }),
      aTask({ ...anywhere, comm: 'last', pid: 300 }),
    ],
  });
  const { tasks } = kernel;
  const rows = [...listByPid(tasks)]
    .filter((task) => kindOf(tasks, task) === 'user')
    .map((task) => [
      commOf(tasks, task),
      pidOf(tasks, task),
      tgidOf(tasks, task),
      cpuOf(tasks, task),
    ]);
  expect(rows).toEqual([
    ['last', 300, 300, 1],
    ['free', 301, 301, 2],
    ['thread', 302, 301, 0],
    ['thread', 303, 301, 1],
    ['free', 304, 304, 0],
    ['thread', 305, 304, 1],
    ['thread', 306, 304, 2],
    ['many', 600, 600, 0],
    ['many', 601, 601, 1],
  ]);
});

test('a process that is told to die neither forks nor starts threads any more', () => {
  for (const kind of ['fork', 'thread'] as const) {
    const machine = machineOf([COMPUTE_2MS, { kind, comm: 'late', steps: [sleepIn()] }, sleepIn()]);
    signal(machine, 'KILL');
    machine.advance(10);
    expect(tasksOf(machine)).toEqual([]);
  }
  const group = machineOf(
    [{ kind: 'compute', durationNs: 1.5e6 }, EXIT_GROUP],
    [COMPUTE_2MS, { kind: 'thread', comm: 'late', steps: [sleepIn()] }, sleepIn()],
  );
  group.advance(10);
  expect(tasksOf(group)).toEqual([]);
});

test('a task without a program sleeps', () => {
  const machine = machineOf([]);
  expect(tasksOf(machine)).toEqual(['500 process interruptible']);
});

test('tasks begin on cpus that are online, one after the other; none gets a pid that another wants', () => {
  const machine = new Machine({ cpus: 3 });
  machine.write('1 off', 'control/cpu');
  machine.kernel.tasks.nextPid = 400;
  startTasks(machine.kernel, [
    aTask({
      cpu: undefined,
      program: [sleepIn()],
      threads: [aThread({ cpu: undefined, pid: 402 })],
    }),
    aTask({ cpu: 1, pid: 401, program: [sleepIn()] }),
    aTask({ cpu: undefined, program: [sleepIn()] }),
    aTask({ cpu: undefined, program: [sleepIn()] }),
  ]);
  machine.advance(1);
  const rows: { pid: number; cpu: number; kind: string }[] = JSON.parse(
    machine.cat('control/tasks'),
  );
  const user = rows.filter(({ kind }) => kind === 'user').map(({ pid, cpu }) => [pid, cpu]);
  expect(user).toEqual([
    [400, 0],
    [401, 0],
    [402, 0],
    [403, 2],
    [404, 0],
  ]);
  machine.write('401', 'control/exit');
  machine.kernel.tasks.nextPid = 401;
  startTasks(machine.kernel, [aTask({ comm: 'again' })]);
  expect(machine.cat('proc/401/comm')).toBe('again');
});

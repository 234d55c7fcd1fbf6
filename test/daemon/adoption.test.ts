/** Processes of the host that become tasks of a machine: real processes, and a machine without a mount. */
import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { findHostProc, listChildren } from '../../src/daemon/hostProc.ts';
import { HostProcesses } from '../../src/daemon/hostProcesses.ts';
import { MachineLoop } from '../../src/daemon/machineLoop.ts';
import { OwnProcesses } from '../../src/daemon/ownProcesses.ts';
import { findAdopted } from '../../src/engine/sched/adopt.ts';
import type { Context } from '../../src/engine/sched/context.ts';
import { commOf, findTask, type Task } from '../../src/engine/sched/task.ts';
import { NO_HOST } from '../../src/sysfs/host.ts';
import { mountedTree } from '../../src/sysfs/root.ts';
import { until } from '../support/clients.ts';
import { Machine } from '../support/machine.ts';
import { aTask } from '../support/tasks.ts';

const PROC = findHostProc();

/** A shell in a session of its own, which ends with the test. */
function startShell(script: string, through: readonly string[] = []) {
  const [program = 'bash', ...args] = [...through, 'bash', '-c', script];
  const shell = spawn(program, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => endSession(shell));
  let output = '';
  shell.stdout.on('data', (data) => {
    output += data;
  });
  const { pid = 0 } = shell;
  return { shell, pid, lines: () => output.split(/\s/).filter(Boolean).map(Number) };
}

function endSession({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** A machine that adopts what it is told, with the warnings of its log. */
function machineOnHost(tasks: ConstructorParameters<typeof Machine>[0] = {}) {
  const machine = new Machine(tasks);
  const warnings: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => warnings.push(line) });
  const loop = new MachineLoop(machine.kernel, { kind: 'manual' }, (error) => {
    throw error;
  });
  const host = new HostProcesses({
    kernel: machine.kernel,
    logger,
    changed: () => loop.see(),
    onBug: (error) => {
      throw error;
    },
  });
  loop.taskOf = host.taskOf;
  onTestFinished(() => {
    host.stop();
    loop.stop();
  });
  return { machine, loop, host, warnings };
}

/** The task in which what this process asks for is done. */
function askedIn({ kernel }: Machine, loop: MachineLoop, pid: number): Task {
  let asked = -1;
  const context = (function* (): Context {
    yield { kind: 'step', done: 'nothing' };
    asked = kernel.current;
  })();
  loop.run(context, () => {}, { pid, uid: 0, gid: 0 });
  return asked;
}

test('own processes are those named and their descendants', async () => {
  const { pid, lines } = startShell('sleep 60 & echo $!; read');
  await until(() => lines().length === 1);
  const own = new OwnProcesses(PROC);
  expect([own.list(), own.has(pid)]).toEqual([[], false]);
  expect(own.add(pid)).toBe(true);
  expect(own.list()).toEqual([pid, ...lines()]);
  expect([own.has(process.pid), own.has(process.ppid), own.has(1)]).toEqual([false, false, false]);
});

test('what was once found stays own when its parent has ended', async () => {
  const { shell, pid, lines } = startShell('sleep 60 & echo $!; read');
  await until(() => lines().length === 1);
  const own = new OwnProcesses(PROC);
  own.add(pid);
  own.list();
  shell.stdin.end();
  await until(() => !own.has(pid));
  expect(own.list()).toEqual(lines());
});

test('whoever is in a mount namespace of theirs is one of them, whoever its parent is', async () => {
  const { pid, lines } = startShell('(sleep 60 & echo $!); read', ['unshare', '--mount']);
  await until(() => lines().length === 1);
  const own = new OwnProcesses(PROC);
  own.add(pid);
  expect(own.list()).toEqual([pid, ...lines()]);
});

test('a process that there is not is not added', () => {
  const { host } = machineOnHost();
  expect(() => host.attach(2 ** 22 + 1)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
});

test('an adopted process and its children are tasks with their names, until they end', async () => {
  const { machine, host } = machineOnHost();
  const { shell, pid, lines } = startShell('sleep 60 & echo $!; read; kill $!; wait; read');
  await until(() => lines().length === 1);
  host.adopt(pid);
  const [child = 0] = lines();
  const comm = (of: number) => {
    const task = findAdopted(machine.kernel, of);
    return task === undefined ? undefined : commOf(machine.kernel.tasks, task);
  };
  await until(() => comm(child) === 'sleep');
  expect([comm(pid), machine.cat(`proc/${child}/stat`).split(' ')[3]]).toEqual([
    'bash',
    String(pid),
  ]);

  shell.stdin.write('\n');
  await until(() => comm(child) === undefined);
  shell.stdin.write('\n');
  await until(() => comm(pid) === undefined);
  expect(machine.kernel.tasks.adopted.size).toBe(0);
});

test('a child is adopted by what it asks, and asks in its own task', async () => {
  const { machine, loop, host } = machineOnHost();
  const { shell, pid, lines } = startShell('read; sleep 60 & echo $!; read');
  host.adopt(pid);
  shell.stdin.write('\n');
  await until(() => lines().length === 1);
  const [child = 0] = lines();
  const asked = askedIn(machine, loop, child);
  expect(asked).toBe(findAdopted(machine.kernel, child));
  expect(asked).toBe(findTask(machine.kernel.tasks, child));
});

test('the machine looks itself, too: for new children, and for new names', async () => {
  const { machine, host } = machineOnHost();
  const { shell, pid, lines } = startShell('read; sleep 60 & echo $!; read; exec cat');
  const commOfAdopted = (of: number) => {
    const task = findAdopted(machine.kernel, of);
    return task === undefined ? undefined : commOf(machine.kernel.tasks, task);
  };
  host.adopt(pid);
  shell.stdin.write('\n');
  await until(() => commOfAdopted(lines()[0] ?? 0) === 'sleep');
  shell.stdin.write('\n');
  await until(() => commOfAdopted(pid) === 'cat');
});

test('parents come before their children', async () => {
  const { machine, loop, host } = machineOnHost();
  const { shell, pid, lines } = startShell("read; bash -c 'sleep 60 & echo $$ $!; read'; :");
  host.adopt(pid);
  shell.stdin.write('\n');
  await until(() => lines().length === 2);
  const [parent = 0, child = 0] = lines();
  askedIn(machine, loop, child);
  expect(machine.cat(`proc/${child}/stat`).split(' ')[3]).toBe(String(parent));
  expect(machine.cat(`proc/${parent}/stat`).split(' ')[3]).toBe(String(pid));
});

test('others ask in tasks that are not theirs', () => {
  const { machine, loop, host } = machineOnHost();
  const { pid } = startShell('read');
  host.adopt(pid);
  const asked = askedIn(machine, loop, process.pid);
  expect(machine.kernel.tasks.adopted.has(asked)).toBe(false);
});

test('threads are adopted with their process', async () => {
  const { machine, host } = machineOnHost();
  const { pid } = startShell(`exec ${process.execPath} -e 'process.stdin.resume()'`);
  await until(() => {
    host.adopt(pid);
    return machine.ls(`proc/${pid}/task`).length > 4;
  });
  expect(machine.cat(`proc/${pid}/status`)).toMatch(/^Name:\tnode$/m);
});

test('a process whose pid the machine has is not adopted, and the log says so once', async () => {
  const { pid } = startShell('sleep 60 & read');
  const { machine, host, warnings } = machineOnHost({ tasks: [aTask({ comm: 'own', pid })] });
  host.adopt(pid);
  host.updateAll();
  expect(machine.cat(`proc/${pid}/comm`)).toBe('own');
  expect(warnings.map((line) => JSON.parse(line))).toMatchObject([{ pid, comm: 'bash' }]);
  await until(() => listChildren(PROC, pid).some((child) => findAdopted(machine.kernel, child)));
});

test('what is only attached is no task', () => {
  const { machine, host } = machineOnHost();
  const { pid } = startShell('read');
  host.attach(pid);
  expect([host.processes(), findAdopted(machine.kernel, pid)]).toEqual([[pid], undefined]);
});

test('the machine looks itself when somebody asks for a process', () => {
  const { machine, host } = machineOnHost();
  const tree = mountedTree(
    machine.kernel,
    { verbs: [], transactions: [] },
    { owner: { uid: 0, gid: 0 }, host },
  );
  const { pid } = startShell('read');
  host.adopt(pid);
  const later = startShell('read');
  host.adopt(later.pid);
  const proc = tree.root.lookup('proc');
  if (proc?.kind !== 'directory') throw new Error('no proc');
  expect(proc.lookup(String(later.pid))?.kind).toBe('directory');
  expect([...proc.list()].map(([name]) => name)).toContain(String(pid));
  expect(NO_HOST.processes()).toEqual([]);
});

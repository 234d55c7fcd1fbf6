/** procfs: text of no known size, tasks that come and go, names that are fixed. */
import { expect, test } from 'vitest';
import { refuse } from '../../mount/refusals.ts';
import { startRequest } from '../../src/engine/sched/request.ts';
import { startTask, startTasks } from '../../src/engine/sched/start.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine } from '../support/machine.ts';
import { aModule, cmdlinePatch } from '../support/modules.ts';
import { aTask, aThread, sleeperIn } from '../support/tasks.ts';

const machineWith = () =>
  new Machine({
    functions: [{ name: 'outer' }, { name: 'inner' }, { name: 'schedule' }],
    modules: [cmdlinePatch('p'), aModule({ name: 'm', functions: [{ name: 'in_module' }] })],
  });

test('stack: the newest frame first, scheduler functions left out', () => {
  const machine = machineWith();
  machine.insmod('m');
  sleeperIn(machine, 'outer', 'in_module', 'inner', 'schedule');
  expect(machine.cat('proc/4242/stack')).toBe(
    '[<0>] inner+0x20/0x40\n[<0>] in_module+0x20/0x40 [m]\n[<0>] outer+0x20/0x40',
  );
});

test.each(['01', '0', '+3', '3x', '99999'])('there is no process %j', (name) => {
  expect(machineWith().cat(`proc/${name}/comm`)).toBe('ENOENT');
});

test('tasks are listed after the files, by pid', () => {
  const machine = machineWith();
  sleeperIn(machine, 'outer');
  const names = machine.ls('proc');
  expect(names.slice(names.indexOf('3'))).toEqual(['3', '4', '4242']);
  expect(names.slice(0, names.indexOf('3'))).toContain('cmdline');
});

test('a directory of proc/ has a link for each directory in it, however they are counted', () => {
  const machine = machineWith();
  sleeperIn(machine, 'outer');
  startTask(machine.kernel, aTask({ pid: 600, threads: [aThread({ count: 2 })] }));
  machine.advance(1);
  machine.write('4242', 'control/exit');
  startRequest(machine.kernel, sleepFor(machine.kernel, 'killable', 0), () => {});
  for (const path of ['proc', 'proc/sys', 'proc/600/task']) {
    const directory = machine.find(path);
    const kinds =
      directory?.kind === 'directory' ? [...directory.list()].map(([, { kind }]) => kind) : [];
    const directories = kinds.filter((kind) => kind === 'directory');
    expect([path, directory?.attributes().nlink]).toEqual([path, 2 + directories.length]);
  }
});

test('what is listed while tasks come and go are those that are there then', () => {
  const machine = machineWith();
  startTasks(machine.kernel, [aTask({ pid: 500, count: 3 })]);
  machine.advance(1);
  const proc = machine.find('proc');
  if (proc?.kind !== 'directory') throw new Error('/proc is a directory');
  const names: string[] = [];
  for (const [name] of proc.list()) {
    names.push(name);
    if (name !== '500') continue;
    machine.write('501', 'control/exit');
    startTask(machine.kernel, aTask({ pid: 600 }));
  }
  expect(names.slice(-3)).toEqual(['500', '502', '600']);
});

test('kallsyms and modules show what is loaded, the newest module first', () => {
  const machine = machineWith();
  machine.insmod('m');
  machine.insmod('p');
  expect(machine.cat('proc/kallsyms')).toMatch(/^ffffffff81000000 t cmdline_proc_show\n/);
  expect(machine.cat('proc/kallsyms')).toMatch(/^ffffffffc0[0-9a-f]{6} t in_module\t\[m\]$/m);
  expect(machine.cat('proc/modules')).toMatch(
    /^p 16384 1 - Live 0xffffffffc0[0-9a-f]{6} \(OEK\)\nm 16384 0 - Live 0xffffffffc0[0-9a-f]{6} \(OE\)$/,
  );
});

test('cmdline may be opened for writing, and cannot be written', () => {
  expect(machineWith().write('x', 'proc/cmdline')).toBe('EIO');
});

test.each(['create', 'mkdir', 'symlink'] as const)('%s in /proc: no such file', (operation) => {
  const proc = machineWith().find('proc');
  if (proc?.kind !== 'directory') throw new Error('/proc is a directory');
  expect(() => refuse(operation, proc, 'new')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

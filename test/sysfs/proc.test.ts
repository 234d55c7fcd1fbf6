/** procfs: text of no known size, tasks that come and go, names that are fixed. */
import { expect, test } from 'vitest';
import { refuse } from '../../mount/refusals.ts';
import { O_RDWR } from '../../src/abi/mode.ts';
import { Machine } from '../support/machine.ts';
import { aModule, cmdlinePatch } from '../support/modules.ts';
import { sleeperIn } from '../support/tasks.ts';

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

test('files of a process: the same for its thread, ESRCH once it is gone, no writes', () => {
  const machine = machineWith();
  sleeperIn(machine, 'outer');
  expect(machine.ls('proc/4242')).toEqual(['comm', 'patch_state', 'stack', 'task']);
  expect(machine.cat('proc/4242/task/4242/comm')).toBe('sleeper');
  expect(machine.write('1', 'proc/4242/patch_state')).toBe('EINVAL');
  const chmod = () => String(machine.find('proc/4242')?.change({ mode: 0 }));
  expect(machine.attempt(chmod)).toBe('EPERM');

  const file = machine.open('proc/4242/patch_state', O_RDWR);
  machine.write('4242', 'control/wake');
  machine.write('4242', 'control/wake');
  expect(machine.attempt(() => String(machine.finish(file.read(0, 10))))).toBe('ESRCH');
  expect(machine.cat('proc/4242/comm')).toBe('ENOENT');
});

test.each(['01', '0', '+3', '3x', '99999', 'self'])('there is no process %j', (name) => {
  expect(machineWith().cat(`proc/${name}/comm`)).toBe('ENOENT');
});

test('tasks are listed after the files, by pid', () => {
  const machine = machineWith();
  sleeperIn(machine, 'outer');
  const names = machine.ls('proc');
  expect(names.slice(names.indexOf('3'))).toEqual(['3', '4', '4242']);
  expect(names.slice(0, names.indexOf('3'))).toContain('cmdline');
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

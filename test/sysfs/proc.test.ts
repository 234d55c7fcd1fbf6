/** procfs: text of no known size, tasks that come and go, names that are fixed. */
import { expect, test } from 'vitest';
import { refuse } from '../../mount/refusals.ts';
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

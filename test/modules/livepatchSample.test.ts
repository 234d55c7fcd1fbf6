/** livepatch-sample, loaded, reversed and removed as its comment in the kernel says. */
import { expect, test } from 'vitest';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';

test.each(['4.15', '6.1'] as const)(
  'on %s it replaces /proc/cmdline until it is disabled',
  (release) => {
    const machine = new Machine({ release, cmdline: 'ro quiet', modules: builtinModules });
    expect(machine.insmod('livepatch-sample')).toBe('ok');
    machine.advance(3000);
    expect(machine.cat('proc/cmdline')).toBe('this has been live patched');
    expect(machine.cat('livepatch_sample/enabled')).toBe('1');
    expect(machine.cat('sys/module/livepatch_sample/taint')).toBe('OEK');

    expect(machine.echo('0', 'livepatch_sample/enabled')).toBe('ok');
    machine.advance(3000);
    expect(machine.cat('proc/cmdline')).toBe('ro quiet');
    expect(machine.rmmod('livepatch_sample')).toBe('ok');
  },
);

test('every built-in module has a name of its own, with underscores', () => {
  const names = builtinModules.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^\w+$/.test(name))).toEqual([]);
});

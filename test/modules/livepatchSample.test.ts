/** livepatch-sample, loaded, reversed and removed as its comment in the kernel says. */
import { expect, test } from 'vitest';
import { isIn, RELEASES } from '../../src/abi/release.ts';
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

test.each(RELEASES)(
  'on %s every built-in module has a name of its own, with underscores',
  (release) => {
    const names = builtinModules
      .filter(({ releases }) => !releases || isIn(release, releases))
      .map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^\w+$/.test(name))).toEqual([]);
  },
);

test('where stacks cannot be trusted the sample of 4.15 does without the consistency model', () => {
  const machine = new Machine({ modules: builtinModules, reliableStacktrace: false });
  machine.dmesg();
  expect(machine.insmod('livepatch-sample')).toBe('ok');
  expect(machine.dmesg()).toContain(
    "livepatch_sample: The consistency model isn't supported for your architecture.  Bypassing safety mechanisms and applying the patch immediately.",
  );
  expect(machine.cat('proc/cmdline')).toBe('this has been live patched');
  machine.echo('0', 'livepatch_sample/enabled');
  machine.advance(3000);
  expect(machine.rmmod('livepatch_sample')).toBe('EAGAIN');
});

/**
 * Callbacks that do not do what they should: they sleep for ever, throw, or return nonsense.
 *
 * Source: kernel/livepatch/core.c, core.h.
 */
import { expect, test } from 'vitest';
import { KernelError } from '../../src/abi/errno.ts';
import type { Callbacks } from '../../src/engine/livepatch/model.ts';
import { sleepFor } from '../../src/engine/sched/wait.ts';
import { Machine, type MachineOptions } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';

const patchWith = (callbacks: Callbacks, name?: string) =>
  aModule({
    name: 'p',
    patch: aPatch([
      anObject({
        name,
        callbacks,
        funcs: name === undefined ? [aFunc('cmdline_proc_show', 'p\n')] : [],
      }),
    ]),
  });

function machineWith(callbacks: Callbacks, options: MachineOptions = {}, name?: string): Machine {
  const plain = [aModule({ name: 'm' }), aModule({ name: 'n' }), cmdlinePatch('q')];
  const machine = new Machine({ ...options, modules: [...plain, patchWith(callbacks, name)] });
  expect(machine.insmod('n')).toBe('ok');
  return machine;
}

const mutexOf = (machine: Machine) => JSON.parse(machine.cat('control/klp_mutex'));

test('a callback that never returns holds up writers, insmod, rmmod and the retry, and nobody else', () => {
  const machine = machineWith(
    {
      *preUnpatch(kernel) {
        yield* sleepFor(kernel, 'uninterruptible', undefined);
      },
    },
    { cpus: 2 },
  );
  expect(machine.insmod('p')).toBe('ok');
  machine.advance(3000);
  const writer = machine.startWrite('0', 'p/enabled');
  const owner = machine.pidOfClient();
  const others = [
    machine.startWrite('0', 'p/enabled'),
    machine.startWrite('m', 'control/insmod'),
    machine.startWrite('n', 'control/rmmod'),
    machine.startWrite('q', 'control/insmod'),
  ];
  machine.advance(60_000);

  expect([writer, ...others].map(({ answer }) => answer)).toEqual(Array(5).fill('pending'));
  expect(machine.cat('p/enabled')).toBe('1');
  expect(machine.cat('p/transition')).toBe('1');
  // The directory of a module comes after livepatch has seen it.
  expect(machine.cat('proc/modules')).toMatch(/^m \d+ 0 - Loading/m);
  expect(machine.cat('sys/module/n/initstate')).toBe('going');
  expect(machine.cat('proc/cmdline')).toBe('p');
  expect(machine.echo('junk', 'p/enabled')).toBe('EINVAL');
  const mutex = mutexOf(machine);
  expect(mutex).toMatchObject({
    callback: { name: 'pre_unpatch', object: 'vmlinux', patch: 'p' },
    owner: { pid: owner, state: 'uninterruptible' },
  });
  expect(mutex.now_us - mutex.since_us).toBe(60_000_000);
  expect(mutex.waiters).toHaveLength(4);

  machine.write(String(owner), 'control/wake');
  machine.advance(3000);
  expect([writer, ...others].map(({ answer }) => answer)).toEqual([
    'ok',
    'EINVAL',
    'ok',
    'ok',
    'EBUSY',
  ]);
  expect(machine.cat('control/klp_mutex')).toBe('null');
});

test('the retry waits as well: a post_patch that sleeps is run by a kworker', () => {
  const machine = machineWith(
    {
      *postPatch(kernel) {
        yield* sleepFor(kernel, 'uninterruptible', 5e9);
      },
    },
    { cpus: 2 },
  );
  expect(machine.insmod('p')).toBe('ok');
  machine.advance(2000);
  expect(mutexOf(machine)).toMatchObject({
    callback: { name: 'post_patch' },
    owner: { comm: expect.stringMatching(/^kworker/) },
  });
  const writer = machine.startWrite('0', 'p/enabled');
  expect(writer.answer).toBe('pending');
  machine.advance(10_000);
  expect(writer.answer).toBe('ok');
});

test('a callback for a module that comes holds the mutex outside of any transition', () => {
  const machine = machineWith(
    {
      *prePatch(kernel) {
        yield* sleepFor(kernel, 'uninterruptible', 1e9);
        return 0;
      },
    },
    {},
    'm',
  );
  machine.insmod('p');
  const insmod = machine.startWrite('m', 'control/insmod');
  expect(machine.cat('control/transition')).toBe('null');
  expect(mutexOf(machine).callback).toEqual({ name: 'pre_patch', object: 'm', patch: 'p' });
  machine.advance(1000);
  expect(insmod.answer).toBe('ok');
});

test('a pre_patch that throws an errno refuses with it; one that throws anything else is a bug', () => {
  const refusing = (error: Error): Callbacks => ({
    prePatch: () => {
      throw error;
    },
  });
  const machine = machineWith(refusing(new KernelError('ENOMEM', 'no memory')));
  expect(machine.insmod('p')).toBe('ENOMEM');
  expect(() => machineWith(refusing(new Error('oops'))).insmod('p')).toThrow('oops');
});

test('a bug in pre_patch leaves nothing behind', () => {
  const machine = machineWith({
    prePatch: () => {
      throw new Error('oops');
    },
  });
  expect(() => machine.insmod('p')).toThrow('oops');
  expect([machine.ls(''), machine.cat('control/klp_mutex'), machine.cat('proc/cmdline')]).toEqual([
    [],
    'null',
    'quiet',
  ]);
  expect(machine.insmod('q')).toBe('ok');
});

test.each(['postPatch', 'preUnpatch', 'postUnpatch'] as const)(
  'a %s that throws is logged, and the transition goes on',
  (which) => {
    const machine = machineWith({
      [which]: () => {
        throw new Error('oops');
      },
    });
    expect(machine.insmod('p')).toBe('ok');
    expect(machine.echo('0', 'p/enabled')).toBe('ok');
    expect(machine.cat('p/transition')).toBe('0');
    expect(machine.dmesg()).toContain(`klpfs: bug in ${which} of vmlinux: Error: oops`);
    expect(machine.rmmod('p')).toBe('ok');
  },
);

test.each([-9999, Number.NaN])('a pre_patch that returns %d refuses the patch', (returned) => {
  expect(machineWith({ prePatch: () => returned }).insmod('p')).toBe('EINVAL');
});

test('a pre_patch that returns 5 refuses the patch, but the module stays', () => {
  const machine = machineWith({ prePatch: () => 5 });
  expect(machine.insmod('p')).toBe('ok');
  expect([machine.ls(''), machine.cat('sys/module/p/initstate')]).toEqual([[], 'live']);
});

/**
 * Writing to /sys/kernel/livepatch/<patch>/enabled: what one write answers in each situation.
 *
 * Source: livepatch core.c:enabled_store() of 4.15 and 6.1.
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { sleeperIn } from '../support/tasks.ts';

type Situation = keyof typeof SITUATIONS;

const patchOf = (name: string, oldName: string) =>
  aModule({ name, patch: aPatch([anObject({ funcs: [aFunc(oldName, `${name}\n`)] })]) });

/** p is the patch that is written to; q was loaded after it, o before it. */
const SITUATIONS = {
  enabled: (machine: Machine) => {
    machine.insmod('p');
  },
  disabled: (machine: Machine) => {
    machine.insmod('p');
    machine.echo('0', 'p/enabled');
  },
  enabling: (machine: Machine) => {
    sleeperIn(machine, 'old_p');
    machine.insmod('p');
  },
  disabling: (machine: Machine) => {
    machine.insmod('p');
    sleeperIn(machine, 'old_p');
    machine.echo('0', 'p/enabled');
  },
  'enabled, with an enabled one above': (machine: Machine) => {
    machine.insmod('p');
    machine.insmod('q');
  },
  'enabled, with a disabled one above': (machine: Machine) => {
    machine.insmod('p');
    machine.insmod('q');
    machine.echo('0', 'q/enabled');
  },
  'disabled, with a disabled one below': (machine: Machine) => {
    machine.insmod('o');
    machine.insmod('p');
    machine.echo('0', 'p/enabled');
    machine.echo('0', 'o/enabled');
  },
  'enabled, while one above is enabling': (machine: Machine) => {
    machine.insmod('p');
    sleeperIn(machine, 'old_q');
    machine.insmod('q');
  },
  'disabled, while one below is disabling': (machine: Machine) => {
    machine.insmod('o');
    machine.insmod('p');
    machine.echo('0', 'p/enabled');
    sleeperIn(machine, 'old_o');
    machine.echo('0', 'o/enabled');
  },
};

function machineIn(situation: Situation, release: Release): Machine {
  const machine = new Machine({
    release,
    functions: [{ name: 'old_o' }, { name: 'old_p' }, { name: 'old_q' }],
    modules: [patchOf('o', 'old_o'), patchOf('p', 'old_p'), patchOf('q', 'old_q')],
  });
  SITUATIONS[situation](machine);
  return machine;
}

// biome-ignore format: the columns are the point
test.each<[Situation, string, Release, answer: string, enabled: string, transition: string]>([
  // situation                               write      release answer    enabled   transition
  ['enabled',                                '0',       '4.15', 'ok',     '0',      '0'     ],
  ['enabled',                                '1',       '4.15', 'EINVAL', '1',      '0'     ],
  ['enabled',                                'maybe',   '4.15', 'EINVAL', '1',      '0'     ],
  ['enabled',                                'offbeat', '4.15', 'ok',     '0',      '0'     ],
  ['disabled',                               '1',       '4.15', 'ok',     '1',      '0'     ],
  ['disabled',                               '0',       '4.15', 'EINVAL', '0',      '0'     ],
  ['enabling',                               '0',       '4.15', 'ok',     '0',      '1'     ],
  ['enabling',                               '1',       '4.15', 'EINVAL', '1',      '1'     ],
  ['disabling',                              '1',       '4.15', 'ok',     '1',      '1'     ],
  ['disabling',                              '0',       '4.15', 'EINVAL', '0',      '1'     ],
  ['enabled, with an enabled one above',     '0',       '4.15', 'EBUSY',  '1',      '0'     ],
  ['enabled, with an enabled one above',     '1',       '4.15', 'EINVAL', '1',      '0'     ],
  ['enabled, with a disabled one above',     '0',       '4.15', 'ok',     '0',      '0'     ],
  ['disabled, with a disabled one below',    '1',       '4.15', 'EBUSY',  '0',      '0'     ],
  ['disabled, with a disabled one below',    '0',       '4.15', 'EINVAL', '0',      '0'     ],
  ['enabled, while one above is enabling',   '0',       '4.15', 'EBUSY',  '1',      '0'     ],
  ['enabled, while one above is enabling',   '1',       '4.15', 'EINVAL', '1',      '0'     ],
  ['disabled, while one below is disabling', '1',       '4.15', 'EBUSY',  '0',      '0'     ],
  ['disabled, while one below is disabling', '0',       '4.15', 'EINVAL', '0',      '0'     ],
  ['enabled',                                '0',       '6.1',  'ok',     'ENOENT', 'ENOENT'],
  ['enabled',                                '1',       '6.1',  'EINVAL', '1',      '0'     ],
  ['enabled',                                'true',    '6.1',  'EINVAL', '1',      '0'     ],
  ['disabled',                               '1',       '6.1',  'ENOENT', 'ENOENT', 'ENOENT'],
  ['enabling',                               '0',       '6.1',  'ok',     '0',      '1'     ],
  ['enabling',                               '1',       '6.1',  'EINVAL', '1',      '1'     ],
  ['disabling',                              '1',       '6.1',  'ok',     '1',      '1'     ],
  ['disabling',                              '0',       '6.1',  'EINVAL', '0',      '1'     ],
  ['enabled, with an enabled one above',     '0',       '6.1',  'ok',     'ENOENT', 'ENOENT'],
  ['enabled, while one above is enabling',   '0',       '6.1',  'EBUSY',  '1',      '0'     ],
  ['enabled, while one above is enabling',   '1',       '6.1',  'EINVAL', '1',      '0'     ],
])('%s: write %j on %s answers %s', (situation, write, release, answer, enabled, transition) => {
  const machine = machineIn(situation, release);

  expect(machine.echo(write, 'p/enabled')).toBe(answer);
  expect(machine.cat('p/enabled')).toBe(enabled);
  expect(machine.cat('p/transition')).toBe(transition);
});

// biome-ignore format: the columns are the point
test.each<[text: string, since415: string, since61: string]>([
  // text       4.15      6.1     (0, 1, or EINVAL)
  ['0',        '0',      '0'     ],
  ['1',        '1',      '1'     ],
  ['0\n',      '0',      '0'     ],
  ['10',       '1',      '1'     ],
  ['01',       '0',      '0'     ],
  ['0x1',      '0',      '0'     ],
  ['1junk',    '1',      '1'     ],
  ['y',        '1',      '1'     ],
  ['Yes',      '1',      '1'     ],
  ['nope',     '0',      '0'     ],
  ['N',        '0',      '0'     ],
  ['on',       '1',      '1'     ],
  ['oN',       '1',      '1'     ],
  ['off',      '0',      '0'     ],
  ['OF',       '0',      '0'     ],
  ['o',        'EINVAL', 'EINVAL'],
  ['t',        'EINVAL', '1'     ],
  ['TRUE',     'EINVAL', '1'     ],
  ['f',        'EINVAL', '0'     ],
  ['False',    'EINVAL', '0'     ],
  ['2',        'EINVAL', 'EINVAL'],
  ['-1',       'EINVAL', 'EINVAL'],
  ['+1',       'EINVAL', 'EINVAL'],
  [' 1',       'EINVAL', 'EINVAL'],
  ['\n',       'EINVAL', 'EINVAL'],
  ['\x001',    'EINVAL', 'EINVAL'],
  ['1\0',      '1',      '1'     ],
])('%j is read as %s by 4.15 and %s by 6.1', (text, since415, since61) => {
  for (const [release, meaning] of [['4.15', since415], ['6.1', since61]] as const) {
    const enabled = machineIn('enabled', release);
    const answer = enabled.write(text, 'p/enabled');
    // An enabled patch refuses 1 as it refuses nonsense; one that is disabling tells them apart.
    if (meaning === '0') expect([release, answer]).toEqual([release, 'ok']);
    else expect([release, answer]).toEqual([release, 'EINVAL']);

    const disabling = machineIn('disabling', release);
    expect([release, disabling.write(text, 'p/enabled')]).toEqual([
      release,
      meaning === '1' ? 'ok' : 'EINVAL',
    ]);
  }
});

test('a write while the module is going away cannot enable its patch', () => {
  const machine = machineIn('disabled', '4.15');
  const module = machine.kernel.modules.loaded.get('p');
  if (!module) throw new Error('p is loaded');
  module.state = 'going';
  expect(machine.echo('1', 'p/enabled')).toBe('ENODEV');
  expect(machine.cat('p/enabled')).toBe('0');
});

test('disabling and enabling again is a full transition each time, with its module reference', () => {
  const machine = machineIn('enabled', '4.15');
  machine.dmesg();
  for (let round = 0; round < 3; round += 1) {
    expect(machine.cat('sys/module/p/refcnt')).toBe('1');
    expect(machine.rmmod('p')).toBe('EAGAIN');
    expect(machine.echo('0', 'p/enabled')).toBe('ok');
    expect(machine.cat('sys/module/p/refcnt')).toBe('0');
    expect(machine.echo('1', 'p/enabled')).toBe('ok');
  }
  expect(machine.dmesg().slice(0, 5)).toEqual([
    "livepatch: 'p': starting unpatching transition",
    "livepatch: 'p': unpatching complete",
    "livepatch: enabling patch 'p'",
    "livepatch: 'p': starting patching transition",
    "livepatch: 'p': patching complete",
  ]);
});

test('patches go in the order in which they came, on 4.15', () => {
  const machine = machineIn('enabled, with an enabled one above', '4.15');
  // biome-ignore format: the columns are the point
  const steps = [
    ['p', '0', 'EBUSY'], ['q', '0', 'ok'], ['p', '0', 'ok'],
    ['q', '1', 'EBUSY'], ['p', '1', 'ok'], ['q', '1', 'ok'],
  ] as const;
  for (const [patch, value, answer] of steps) {
    expect([patch, value, machine.echo(value, `${patch}/enabled`)]).toEqual([patch, value, answer]);
  }
});

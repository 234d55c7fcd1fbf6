/** The scenarios of the callbacks document, and what else the modules with callbacks do. */
import { expect, test } from 'vitest';
import { builtinModules } from '../../src/modules/builtin.ts';
import { D, disabled, enabled, SCENARIOS } from '../support/callbackScenarios.ts';
import { Machine } from '../support/machine.ts';
import { playTranscript } from '../support/transcript.ts';

test.each(Object.entries(SCENARIOS))('%s', (_, transcript) => {
  const machine = new Machine({ modules: builtinModules });
  machine.enableDebugLines();
  machine.advance(3);
  machine.dmesg();
  playTranscript(machine, transcript);
});

const T = 'test_klp_callbacks_demo';
const T2 = 'test_klp_callbacks_demo2';
const TB = 'test_klp_callbacks_busy';

test.each(['4.15', '6.1'] as const)(
  'on %s two patches with callbacks know nothing of each other',
  (release) => {
    const machine = new Machine({ release, modules: builtinModules });
    machine.enableDebugLines();
    machine.dmesg();
    playTranscript(
      machine,
      `
    $ insmod ${T}
    $ insmod ${T2}
    $ echo 0 > ${T2}/enabled
    $ echo 0 > ${T}/enabled
    $ sleep 1
    $ rmmod ${T2}
    $ rmmod ${T}
    $ dmesg
    ${enabled(T, 'vmlinux')}
    ${enabled(T2, 'vmlinux')}
    ${disabled(T2, 'vmlinux')}
    ${disabled(T, 'vmlinux')}
  `,
    );
  },
);

test('enabling once more runs all callbacks once more', () => {
  const machine = new Machine({ modules: builtinModules });
  machine.enableDebugLines();
  machine.insmod(D);
  machine.echo('0', `${D}/enabled`);
  machine.dmesg();
  playTranscript(
    machine,
    `
    $ echo 1 > ${D}/enabled
    $ dmesg
    ${enabled(D, 'vmlinux')}
    $ rmmod ${D}
    EAGAIN
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
  `,
  );
});

test.each(['4.15', '6.1'] as const)(
  'on %s the busy target lets go when its parameter says so',
  (release) => {
    const machine = new Machine({ release, modules: builtinModules });
    machine.insmod(TB, 'block_transition=Y');
    machine.insmod(T);
    machine.advance(10_000);
    expect(machine.cat(`${T}/transition`)).toBe('1');
    machine.dmesg();
    machine.echo('N', `sys/module/${TB}/parameters/block_transition`);
    machine.advance(3000);
    expect(machine.cat(`${T}/transition`)).toBe('0');
    expect(machine.dmesg().slice(0, 1)).toEqual([`${TB}: busymod_work_func exit`]);
  },
);

test('a busy target that does not block has done its work when insmod returns', () => {
  const machine = new Machine({ modules: builtinModules });
  machine.insmod(TB);
  machine.rmmod(TB);
  expect(
    machine
      .dmesg()
      .filter((line) => line.startsWith(TB))
      .slice(-4),
  ).toEqual([
    `${TB}: test_klp_callbacks_busy_init`,
    `${TB}: busymod_work_func enter`,
    `${TB}: busymod_work_func exit`,
    `${TB}: test_klp_callbacks_busy_exit`,
  ]);
});

test('removing a busy target that blocks ends its work first', () => {
  const machine = new Machine({ modules: builtinModules });
  machine.insmod(TB, 'block_transition=Y');
  machine.advance(100);
  machine.dmesg();
  const rmmod = machine.startWrite(TB, 'control/rmmod');
  machine.advance(20);
  expect([rmmod.answer, ...machine.dmesg()]).toEqual([
    'ok',
    `${TB}: busymod_work_func exit`,
    `${TB}: test_klp_callbacks_busy_exit`,
  ]);
});

test('a work item that is taken back before its time never runs', () => {
  const machine = new Machine({ modules: builtinModules });
  machine.insmod('livepatch-shadow-mod');
  machine.rmmod('livepatch-shadow-mod');
  machine.dmesg();
  machine.advance(60_000);
  expect(machine.dmesg()).toEqual([]);
});

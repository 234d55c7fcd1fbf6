/**
 * The nine scenarios of the callbacks document, line by line, with the modules of the 4.15 samples.
 *
 * Derived from Documentation/livepatch/callbacks.txt and tools/testing/selftests/livepatch/
 * test-callbacks.sh; where the document words a line otherwise than the code, the code counts.
 */
import { expect, test } from 'vitest';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';
import { playTranscript } from '../support/transcript.ts';

const D = 'livepatch_callbacks_demo';
const M = 'livepatch_callbacks_mod';
const B = 'livepatch_callbacks_busymod';
const LIVE = '[MODULE_STATE_LIVE] Normal state';
const COMING = '[MODULE_STATE_COMING] Full formed, running module_init';
const GOING = '[MODULE_STATE_GOING] Going away';

type Which = 'pre_patch' | 'post_patch' | 'pre_unpatch' | 'post_unpatch';

/** What a callback of the patch says of an object: vmlinux, or a module and its state. */
const said = (patch: string, which: Which, ...objects: string[]) =>
  objects.map((object) => `${patch}: ${which}_callback: ${object}`).join('\n');
const live = (module: string) => `${module} -> ${LIVE}`;

/** All that is logged while a patch is enabled, or disabled, that nobody holds up. */
const enabled = (patch: string, ...objects: string[]) => `
  enabling patch '${patch}'
  '${patch}': initializing patching transition
  ${said(patch, 'pre_patch', ...objects)}
  '${patch}': starting patching transition
  '${patch}': completing patching transition
  ${said(patch, 'post_patch', ...objects)}
  '${patch}': patching complete`;
const disabled = (patch: string, ...objects: string[]) => `
  '${patch}': initializing unpatching transition
  ${said(patch, 'pre_unpatch', ...objects)}
  '${patch}': starting unpatching transition
  '${patch}': completing unpatching transition
  ${said(patch, 'post_unpatch', ...objects)}
  '${patch}': unpatching complete`;

/** The module comes while the patch is in force, and goes while it is. */
const applied = `
  applying patch '${D}' to loading module '${M}'
  ${said(D, 'pre_patch', `${M} -> ${COMING}`)}
  ${said(D, 'post_patch', `${M} -> ${COMING}`)}
  ${M}: ${M}_init`;
const reverted = `
  ${M}: ${M}_exit
  ${said(D, 'pre_unpatch', `${M} -> ${GOING}`)}
  reverting patch '${D}' on unloading module '${M}'
  ${said(D, 'post_unpatch', `${M} -> ${GOING}`)}`;

const SCENARIOS: Readonly<Record<string, string>> = {
  '1: the target is there before the patch, and after it': `
    $ insmod livepatch-callbacks-mod
    $ insmod livepatch-callbacks-demo
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ rmmod ${M}
    $ dmesg
    ${M}: ${M}_init
    ${enabled(D, 'vmlinux', live(M))}
    ${disabled(D, 'vmlinux', live(M))}
    ${M}: ${M}_exit
  `,
  '2: the target comes while the patch is in force': `
    $ insmod ${D}
    $ insmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ rmmod ${M}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${applied}
    ${disabled(D, 'vmlinux', live(M))}
    ${M}: ${M}_exit
  `,
  '3: the target goes while the patch is in force': `
    $ insmod ${M}
    $ insmod ${D}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${M}: ${M}_init
    ${enabled(D, 'vmlinux', live(M))}
    ${reverted}
    ${disabled(D, 'vmlinux')}
  `,
  '4: the target comes and goes while the patch is in force': `
    $ insmod ${D}
    $ insmod ${M}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${applied}
    ${reverted}
    ${disabled(D, 'vmlinux')}
  `,
  '5: the target never comes': `
    $ insmod ${D}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${disabled(D, 'vmlinux')}
  `,
  '6: pre_patch refuses the patch: nothing was patched, so no other callback runs': `
    $ insmod ${M}
    $ insmod ${D} pre_patch_ret=-19
    ENODEV
    $ ls
    $ rmmod ${M}
    $ dmesg
    ${M}: ${M}_init
    enabling patch '${D}'
    '${D}': initializing patching transition
    ${said(D, 'pre_patch', 'vmlinux')}
    pre-patch callback failed for object 'vmlinux'
    failed to enable patch '${D}'
    '${D}': canceling patching transition, going to unpatch
    '${D}': completing unpatching transition
    '${D}': unpatching complete
    ${M}: ${M}_exit
  `,
  '7: pre_patch refuses the target': `
    $ insmod ${D}
    $ echo -19 > sys/module/${D}/parameters/pre_patch_ret
    $ insmod ${M}
    ENODEV
    $ ls sys/module
    ${D}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    applying patch '${D}' to loading module '${M}'
    ${said(D, 'pre_patch', `${M} -> ${COMING}`)}
    pre-patch callback failed for object '${M}'
    patch '${D}' failed for module '${M}', refusing to load module '${M}'
    ${disabled(D, 'vmlinux')}
  `,
  '8: two targets, one of which comes and goes': `
    $ insmod ${B} sleep_secs=0
    $ sleep 1
    $ insmod ${D}
    $ insmod ${M}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ rmmod ${B}
    $ dmesg
    ${B}: ${M}_init
    ${B}: busymod_work_func, sleeping 0 seconds ...
    ${B}: busymod_work_func exit
    ${enabled(D, 'vmlinux', live(B))}
    ${applied}
    ${reverted}
    ${disabled(D, 'vmlinux', live(B))}
    ${B}: ${M}_exit
  `,
  '9: a target sleeps in what is to be patched; what it never came to is taken back at once': `
    $ insmod ${B} sleep_secs=30
    $ sleep 1
    $ insmod ${D}
    $ cat ${D}/transition
    1
    $ insmod ${M}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ sleep 2
    $ cat ${D}/transition
    0
    $ rmmod ${D}
    $ dmesg
    ${B}: ${M}_init
    ${B}: busymod_work_func, sleeping 30 seconds ...
    enabling patch '${D}'
    '${D}': initializing patching transition
    ${said(D, 'pre_patch', 'vmlinux', live(B))}
    '${D}': starting patching transition
    klp_check_stack: kworker/0:0:3 is sleeping on function busymod_work_func
    applying patch '${D}' to loading module '${M}'
    ${said(D, 'pre_patch', `${M} -> ${COMING}`)}
    ${M}: ${M}_init
    ${M}: ${M}_exit
    reverting patch '${D}' on unloading module '${M}'
    ${said(D, 'post_unpatch', `${M} -> ${GOING}`)}
    '${D}': reversing transition from patching to unpatching
    '${D}': starting unpatching transition
    '${D}': completing unpatching transition
    ${said(D, 'post_unpatch', 'vmlinux', live(B))}
    '${D}': unpatching complete
    $ sleep 30
    $ rmmod ${B}
    $ dmesg
    ${B}: busymod_work_func exit
    ${B}: ${M}_exit
  `,
};

test.each(Object.entries(SCENARIOS))('%s', (_, transcript) => {
  const machine = new Machine({ modules: builtinModules });
  machine.kernel.log.debug = true;
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
    machine.kernel.log.debug = true;
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
  machine.kernel.log.debug = true;
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

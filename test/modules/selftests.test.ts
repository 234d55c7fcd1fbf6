/**
 * The modules of the kernel's selftests that replace, keep states, patch a system call or a file.
 *
 * Derived from tools/testing/selftests/livepatch/test-{livepatch,callbacks,state,syscall}.sh.
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { disabled, enabled } from '../support/callbackScenarios.ts';
import { Machine } from '../support/machine.ts';
import { aTask } from '../support/tasks.ts';
import { playTranscript } from '../support/transcript.ts';

const S1 = 'test_klp_state';
const S2 = 'test_klp_state2';
const S3 = 'test_klp_state3';
const D = 'test_klp_callbacks_demo';
const D2 = 'test_klp_callbacks_demo2';

function machineOf(release: Release = '6.1', tasks: Parameters<typeof aTask>[0][] = []): Machine {
  const machine = new Machine({ release, modules: builtinModules, tasks: tasks.map(aTask) });
  machine.enableDebugLines();
  machine.dmesg();
  return machine;
}

/** The lines of a state's callbacks come after the callback's own. */
const enabledState = (patch: string, allocate: string, fix: string) => `
  enabling patch '${patch}'
  '${patch}': initializing patching transition
  ${patch}: pre_patch_callback: vmlinux
  ${patch}: allocate_loglevel_state: ${allocate}
  '${patch}': starting patching transition
  '${patch}': completing patching transition
  ${patch}: post_patch_callback: vmlinux
  ${patch}: fix_console_loglevel: ${fix}
  '${patch}': patching complete`;
const disabledState = (patch: string) => `
  '${patch}': initializing unpatching transition
  ${patch}: pre_unpatch_callback: vmlinux
  ${patch}: restore_console_loglevel: restoring console_loglevel
  '${patch}': starting unpatching transition
  '${patch}': completing unpatching transition
  ${patch}: post_unpatch_callback: vmlinux
  ${patch}: free_loglevel_state: freeing space for the stored console_loglevel
  '${patch}': unpatching complete`;
const FIRST = ['allocating space to store console_loglevel', 'fixing console_loglevel'] as const;
const TAKEN_OVER = [
  'space to store console_loglevel already allocated',
  'taking over the console_loglevel change',
] as const;

test.each(['6.1', '6.12', '6.14'] as const)(
  'on %s a state is changed, and changed back',
  (release) => {
    playTranscript(
      machineOf(release),
      `
    $ cat proc/sys/kernel/printk
    4\t4\t1\t7
    $ insmod ${S1}
    $ cat proc/sys/kernel/printk
    15\t4\t1\t7
    $ echo 0 > ${S1}/enabled
    $ cat proc/sys/kernel/printk
    4\t4\t1\t7
    $ rmmod ${S1}
    $ dmesg
    ${enabledState(S1, ...FIRST)}
    ${disabledState(S1)}
  `,
    );
  },
);

test('cumulative patches take a state over from each other, and only the last gives it back', () => {
  playTranscript(
    machineOf(),
    `
    $ insmod ${S1}
    $ insmod ${S2}
    $ rmmod ${S1}
    $ insmod ${S3}
    $ rmmod ${S2}
    $ insmod ${S2}
    $ echo 0 > ${S2}/enabled
    $ cat proc/sys/kernel/printk
    4\t4\t1\t7
    $ rmmod ${S2}
    $ rmmod ${S3}
    $ dmesg
    ${enabledState(S1, ...FIRST)}
    ${enabledState(S2, ...TAKEN_OVER)}
    ${enabledState(S3, ...TAKEN_OVER)}
    ${enabledState(S2, ...TAKEN_OVER)}
    ${disabledState(S2)}
  `,
  );
});

test('a patch with an older version of a state is refused, without a trace', () => {
  playTranscript(
    machineOf(),
    `
    $ insmod ${S2}
    $ insmod ${S1}
    EINVAL
    $ ls
    ${S2}
    $ ls sys/module
    ${S2}
    $ echo 0 > ${S2}/enabled
    $ rmmod ${S2}
    $ dmesg
    ${enabledState(S2, ...FIRST)}
    Livepatch patch (${S1}) is not compatible with the already installed livepatches.
    ${disabledState(S2)}
  `,
  );
});

test('of a patch that is replaced no callback runs', () => {
  playTranscript(
    machineOf(),
    `
    $ insmod ${D}
    $ insmod ${D2} replace=1
    $ ls
    ${D2}
    $ echo 0 > ${D2}/enabled
    $ rmmod ${D2}
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${enabled(D2, 'vmlinux')}
    ${disabled(D2, 'vmlinux')}
  `,
  );
});

test('a patch of a system call counts the processes that have not come by', () => {
  const caller = (pid: number, ms: number) => ({
    comm: 'caller',
    pid,
    program: [
      { kind: 'sleep', functions: [], state: 'interruptible', durationNs: ms * 1_000_000 },
      { kind: 'call', functions: ['__x64_sys_getpid'] },
    ] as const,
  });
  const machine = machineOf('6.12', [caller(71, 1000), caller(72, 3000)]);
  expect(machine.insmod('test_klp_syscall', 'klp_pids=71,72')).toBe('ok');
  const npids = () => machine.cat('sys/kernel/test_klp_syscall/npids');
  expect(npids()).toBe('2');
  machine.advance(2000);
  expect(npids()).toBe('1');
  machine.advance(2000);
  expect(npids()).toBe('0');
  machine.echo('0', 'test_klp_syscall/enabled');
  machine.advance(2000);
  expect(machine.rmmod('test_klp_syscall')).toBe('ok');
  expect(machine.find('sys/kernel/test_klp_syscall')).toBeUndefined();
});

test('a function of a module is patched, whichever comes first', () => {
  const target = 'test_klp_mod_target';
  const patch = 'test_klp_mod_patch';
  playTranscript(
    machineOf('6.12'),
    `
    $ insmod ${target}
    $ cat proc/${target}
    ${target}: original output
    $ insmod ${patch}
    $ cat proc/${target}
    ${patch}: this has been live patched
    $ rmmod ${target}
    $ cat proc/${target}
    ENOENT
    $ insmod ${target}
    $ cat proc/${target}
    ${patch}: this has been live patched
    $ echo 0 > ${patch}/enabled
    $ cat proc/${target}
    ${target}: original output
  `,
  );
});

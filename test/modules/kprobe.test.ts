/** The selftest about kprobes: what it does, and the log that it compares. */
import { expect, test } from 'vitest';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';
import { playTranscript } from '../support/transcript.ts';

function aMachine(): Machine {
  const machine = new Machine({ release: '6.1', modules: builtinModules });
  machine.insmod('livepatch-sample');
  machine.echo('0', 'livepatch_sample/enabled');
  machine.advance(3000);
  machine.rmmod('livepatch_sample');
  machine.enableDebugLines();
  machine.dmesg();
  return machine;
}

// Source: tools/testing/selftests/livepatch/test-kprobe.sh.
test.each([
  [
    'livepatch interaction with kprobed function with post_handler',
    `
    $ echo 1 > sys/kernel/debug/kprobes/enabled
    $ insmod test_klp_kprobe has_post_handler=true
    $ insmod test_klp_livepatch
    EBUSY
    $ cat proc/cmdline
    quiet
    $ rmmod test_klp_kprobe
    $ dmesg
    enabling patch 'test_klp_livepatch'
    'test_klp_livepatch': initializing patching transition
    failed to register ftrace handler for function 'cmdline_proc_show' (-16)
    failed to patch object 'vmlinux'
    failed to enable patch 'test_klp_livepatch'
    'test_klp_livepatch': canceling patching transition, going to unpatch
    'test_klp_livepatch': completing unpatching transition
    'test_klp_livepatch': unpatching complete
    `,
  ],
  [
    'livepatch interaction with kprobed function without post_handler',
    `
    $ echo 1 > sys/kernel/debug/kprobes/enabled
    $ insmod test_klp_kprobe has_post_handler=false
    $ insmod test_klp_livepatch
    $ cat proc/cmdline sys/module/test_klp_kprobe/parameters/has_post_handler
    test_klp_livepatch: this has been live patched
    N
    $ rmmod test_klp_kprobe
    $ echo 0 > test_klp_livepatch/enabled
    $ sleep 1
    $ rmmod test_klp_livepatch
    $ dmesg
    enabling patch 'test_klp_livepatch'
    'test_klp_livepatch': initializing patching transition
    'test_klp_livepatch': starting patching transition
    'test_klp_livepatch': completing patching transition
    'test_klp_livepatch': patching complete
    'test_klp_livepatch': initializing unpatching transition
    'test_klp_livepatch': starting unpatching transition
    'test_klp_livepatch': completing unpatching transition
    'test_klp_livepatch': unpatching complete
    `,
  ],
])('%s', (_, transcript) => {
  playTranscript(aMachine(), transcript);
});

test('without a word about it there is a post handler', () => {
  const machine = aMachine();
  expect(machine.insmod('test_klp_kprobe')).toBe('ok');
  expect(machine.cat('sys/module/test_klp_kprobe/parameters/has_post_handler')).toBe('Y');
  expect(machine.insmod('livepatch-sample')).toBe('EBUSY');
});

test('where every probe keeps livepatches out there is no such selftest', () => {
  const machine = new Machine({ release: '4.15', modules: builtinModules });
  expect(machine.insmod('test_klp_kprobe')).toBe('ENOENT');
});

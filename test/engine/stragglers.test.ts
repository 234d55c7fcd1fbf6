/**
 * Since 5.1 whoever stays behind is asked to leave the kernel, every fifteenth pass.
 *
 * Source: recording 05-transition, the phases about signals; transition.c:klp_send_signals().
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import type { SleepState } from '../../src/engine/sched/context.ts';
import { startTask } from '../../src/engine/sched/start.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch } from '../support/modules.ts';
import { aTask } from '../support/tasks.ts';

const SIGNALING = 'livepatch: signaling remaining tasks';

/** A patch of f in transition, and a task that sleeps in f. */
function held(release: Release, state: SleepState, kthread = false): Machine {
  const machine = new Machine({
    release,
    functions: [{ name: 'f' }],
    modules: [aModule({ name: 'p', patch: aPatch([anObject({ funcs: [aFunc('f', '')] })]) })],
  });
  const program = [
    { kind: 'sleep', functions: ['f'], state, durationNs: undefined },
    { kind: 'exit' },
  ] as const;
  startTask(machine.kernel, aTask({ comm: 'sleeper', pid: 4242, program, kthread }));
  machine.advance(3);
  machine.insmod('p');
  machine.dmesg();
  return machine;
}

// biome-ignore format: the columns are the point
test.each<[Release, SleepState, kthread: boolean, transition: string, signaled: boolean]>([
  // release  the sleep is        a kthread?  after 18 s   told of?
  ['6.1',     'interruptible',    false,      '0',         true ],
  ['6.1',     'killable',         false,      '1',         true ],
  ['6.1',     'uninterruptible',  false,      '1',         true ],
  ['6.1',     'interruptible',    true,       '0',         true ],
  ['6.1',     'uninterruptible',  true,       '1',         true ],
  ['4.15',    'interruptible',    false,      '1',         false],
])('%s: an %s sleep, kthread %s', (release, state, kthread, transition, signaled) => {
  const machine = held(release, state, kthread);
  machine.advance(14_500);
  expect(machine.cat('p/transition')).toBe('1');
  expect(machine.dmesg()).toEqual([]);
  machine.advance(3500);
  expect(machine.cat('p/transition')).toBe(transition);
  expect(machine.dmesg().includes(SIGNALING)).toBe(signaled);
});

test('a process that was asked begins its system call anew, in the new version', () => {
  const machine = held('6.1', 'interruptible');
  machine.advance(18_000);
  expect(machine.cat('proc/4242/stack')).toContain('livepatch_f');
  expect(machine.cat('proc/4242/patch_state')).toBe('-1');
});

test('only the first round is told of, and a reversal begins to count anew', () => {
  const machine = held('6.1', 'uninterruptible');
  machine.advance(60_000);
  expect(machine.dmesg()).toEqual([SIGNALING]);

  machine.echo('0', 'p/enabled');
  machine.echo('1', 'p/enabled');
  machine.dmesg();
  machine.advance(14_000);
  expect(machine.dmesg()).toEqual([]);
  machine.advance(4000);
  expect(machine.dmesg()).toEqual([SIGNALING]);
});

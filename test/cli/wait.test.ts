/** `klpfs wait`. */
import { expect, test } from 'vitest';
import type { PatchSight } from '../../src/cli/patches.ts';
import { type Goal, judge, type Verdict } from '../../src/cli/waitGoal.ts';
import { createFolder, startMachine, until, watch } from './klpfs.ts';

const SIGHTS: Record<string, PatchSight> = {
  patching: { kind: 'present', enabled: true, transition: true },
  patched: { kind: 'present', enabled: true, transition: false },
  unpatching: { kind: 'present', enabled: false, transition: true },
  disabled: { kind: 'present', enabled: false, transition: false },
  unpatched: { kind: 'unpatched' },
  loading: { kind: 'loading' },
  absent: { kind: 'absent' },
};

// biome-ignore format: the columns are the point
test.each<[before: string, now: string, ...Record<Goal, Verdict>[Goal][]]>([
  // before       now           transition   enabled      disabled     gone
  ['',           'patching',   'not-yet',   'not-yet',   'not-yet',   'not-yet'],
  ['patching',   'patched',    'reached',   'reached',   'not-yet',   'not-yet'],
  ['patched',    'unpatching', 'not-yet',   'not-yet',   'not-yet',   'not-yet'],
  ['unpatching', 'disabled',   'reached',   'not-yet',   'reached',   'not-yet'],
  ['unpatching', 'unpatched',  'reached',   'vanished',  'reached',   'reached'],
  ['',           'unpatched',  'reached',   'vanished',  'reached',   'reached'],
  ['patching',   'unpatched',  'reached',   'vanished',  'reached',   'reached'],
  ['',           'loading',    'not-yet',   'not-yet',   'not-yet',   'not-yet'],
  ['',           'absent',     'vanished',  'vanished',  'vanished',  'reached'],
  ['patched',    'absent',     'vanished',  'vanished',  'vanished',  'reached'],
  ['loading',    'absent',     'vanished',  'vanished',  'vanished',  'reached'],
  ['unpatching', 'absent',     'reached',   'vanished',  'reached',   'reached'],
  ['disabled',   'absent',     'reached',   'vanished',  'reached',   'reached'],
  ['unpatched',  'absent',     'reached',   'vanished',  'reached',   'reached'],
])('%j, then %s', (before, now, transition, enabled, disabled, gone) => {
  const sight = SIGHTS[now] ?? { kind: 'absent' };
  const verdict = (goal: Goal) => judge(goal, sight, SIGHTS[before]);

  expect({
    transition: verdict('transition'),
    enabled: verdict('enabled'),
    disabled: verdict('disabled'),
    gone: verdict('gone'),
  }).toEqual({ transition, enabled, disabled, gone });
});

const READER = `
release: "4.15"
cpus: 1
tasks:
  - {comm: reader, pid: 4242, program: [{sleep_in: [cmdline_proc_show], state: interruptible}, {exit: 0}]}
`;

test('a task in the patched function holds it up until it is woken', async () => {
  const { sh } = await startMachine('--machine m.yaml', { 'm.yaml': READER });

  const held = await sh(
    'klpfs insmod livepatch-sample && klpfs wait livepatch-sample --timeout 200ms',
  );
  expect(held.status).toBe(124);
  expect(held.output).toBe('');
  expect(held.errors).toMatch(
    /^klpfs wait: after 0\.2s livepatch_sample is still in transition; \d+ of \d+ tasks have switched\n/,
  );
  expect(held.errors).toMatch(/^ {2}reader \(pid 4242, interruptible\): .*\bcmdline_proc_show\b/m);

  expect(
    await sh('klpfs wake 4242 && klpfs wait livepatch_sample && cat mnt/proc/cmdline'),
  ).toEqual({ status: 0, output: 'this has been live patched\n', errors: '' });
});

test('with a manual clock the timeout says that time stands still', async () => {
  const { sh } = await startMachine('--clock manual');

  const { status, errors } = await sh(
    'klpfs insmod livepatch-sample && klpfs wait livepatch_sample --timeout 0',
  );
  expect(status).toBe(124);
  expect(errors).toContain('  the clock stands still until `klpfs clock advance`\n');
  expect(
    await sh('klpfs clock advance 3s && klpfs wait livepatch_sample --timeout 0'),
  ).toMatchObject({ status: 0, errors: '' });
});

const SLOW = `
module: slow
livepatch: true
objects:
  - name: vmlinux
    callbacks: {pre_unpatch: [{sleep: 5s}]}
    funcs: [{old_name: meminfo_proc_show}]
`;

test('a patch whose module is still loading is waited for', async () => {
  const { sh, start } = await startMachine('--clock manual', { 'slow.yaml': SLOW });
  await sh('klpfs insmod slow.yaml && klpfs clock advance 5s && klpfs wait slow');
  const slow = 'mnt/sys/kernel/livepatch/slow';
  const first = watch(start(`echo 0 > ${slow}/enabled`));
  await until(async () => (await sh(`grep -q 1 ${slow}/transition`)).status === 0);
  const second = watch(start('klpfs insmod livepatch-sample'));
  await until(async () => (await sh('grep -q ^livepatch_sample mnt/proc/modules')).status === 0);

  expect(await sh('klpfs wait livepatch_sample --timeout 0')).toMatchObject({
    status: 124,
    errors: expect.stringMatching(/^klpfs wait: after 0s livepatch_sample is loading\n/),
  });
  await sh('klpfs clock advance 20s');
  await Promise.all([first.ended, second.ended]);
});

test('goals are waited for, across releases', async () => {
  const { sh } = await startMachine('--release 6.1');
  const enabled = 'mnt/sys/kernel/livepatch/livepatch_sample/enabled';

  const { output, errors } = await sh(`
    klpfs wait livepatch_sample; echo $?
    klpfs wait livepatch_sample --for gone; echo $?
    klpfs insmod livepatch-sample; klpfs wait livepatch_sample --for enabled; cat ${enabled}
    klpfs wait livepatch_sample --for disabled --timeout 100ms 2> late; echo $?
    echo 0 > ${enabled}; klpfs wait livepatch_sample --for disabled; echo $?
    klpfs wait livepatch_sample; echo $?; klpfs wait livepatch_sample --for gone; echo $?
    klpfs wait livepatch_sample --for enabled; echo $?
    cat late`);

  expect(errors.trim().split('\n')).toEqual([
    'klpfs wait: there is no patch livepatch_sample',
    'klpfs wait: patch livepatch_sample is not enabled any more',
  ]);
  expect(output.trim().split('\n')).toEqual([
    ...['1', '0', '1', '124', '0', '0', '0', '1'],
    'klpfs wait: after 0.1s livepatch_sample is enabled',
  ]);
});

test('a patch that is removed while we wait for it has vanished', async () => {
  const { sh, start } = await startMachine();
  await sh('klpfs insmod livepatch-sample && klpfs wait livepatch_sample');
  await sh('echo 0 > mnt/sys/kernel/livepatch/livepatch_sample/enabled');
  await sh('klpfs wait livepatch_sample');

  const waiting = watch(
    start('script -qefc "klpfs wait livepatch_sample --for enabled" typescript'),
  );
  await until(() => waiting.output().includes('livepatch_sample is disabled'));
  await sh('klpfs rmmod livepatch_sample');

  const { output } = await waiting.ended;
  expect(output).toMatch(/klpfs wait: patch livepatch_sample has vanished\r\n$/);
});

test('on a terminal a line tells how far it is, and goes away', async () => {
  const { sh } = await startMachine('--machine m.yaml', { 'm.yaml': READER });

  const { output } = await sh(
    'klpfs insmod livepatch-sample; script -qefc "klpfs wait livepatch_sample --timeout 600ms" typescript',
  );

  const [progress = '', rest = ''] = output.split('\r\x1b[Kklpfs wait: ');
  const shown = progress.split('\r\x1b[K');
  expect(shown.length).toBeGreaterThan(2);
  expect(shown.slice(1).join('\n')).toMatch(
    /^(livepatch_sample: \d+ of \d+ tasks have switched\n?)+$/,
  );
  expect(rest).toMatch(/^after 0\.6s livepatch_sample is still in transition/);
});

test.each([
  ['--timeout soon', "'soon' is invalid. Examples: 500ms, 2s, 1m"],
  ['--for ever', "'ever' is invalid. Allowed choices are transition, enabled, disabled, gone"],
  ['', "missing required argument 'patch'"],
])('wait %s is bad usage', async (options, reason) => {
  const { sh } = await createFolder();
  const { status, errors } = await sh(`klpfs wait ${options && `patch ${options}`}`);

  expect(status).toBe(2);
  expect(errors).toContain(reason);
});

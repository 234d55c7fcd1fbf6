/** `klpfs why` and `klpfs ps --blocking`: a transition that is stuck, explained, and freed. */
import { expect, test } from 'vitest';
import { type Explanation, formatExplanation } from '../../src/cli/commands/why.ts';
import { remediesOf } from '../../src/cli/remedy.ts';
import { describeHoldup, type Straggler } from '../../src/cli/transition.ts';
import { startMachine, type TestMachine, until } from './klpfs.ts';

const straggler: Straggler = {
  pid: 7,
  tgid: 7,
  ppid: 1,
  comm: 'reader',
  kind: 'user',
  state: 'interruptible',
  cpu: 1,
  patch_state: 0,
  stack: ['schedule', 'seq_read', 'vfs_read'],
  holdup: 'sleeping-on',
  function: 'seq_read',
  frame: 1,
  behind_since_us: 0,
};

const STOP_AND_CONT = 'klpfs kill -STOP 7; klpfs kill -CONT 7';
const INTERRUPT = 'its next interrupt or return to user space';

// biome-ignore format: the columns are the point
test.each<[Straggler['kind'], string, Straggler['holdup'], pid: number, reason: string, ...freed: string[]]>([
  // kind      state              holdup              pid  reason                  freed by
  ['user',    'interruptible',   'sleeping-on',      7,   'sleeping on seq_read', STOP_AND_CONT, 'klpfs wake 7', 'klpfs kill 7'],
  ['user',    'interruptible',   'unreliable-stack', 7,   'unreliable stack',     STOP_AND_CONT, 'klpfs wake 7', 'klpfs kill 7'],
  ['user',    'interruptible',   'sleeping-on',      1,   'sleeping on seq_read', 'klpfs wake 1'],
  ['user',    'killable',        'sleeping-on',      7,   'sleeping on seq_read', 'klpfs kill -KILL 7', 'klpfs wake 7'],
  ['user',    'uninterruptible', 'sleeping-on',      7,   'sleeping on seq_read', 'klpfs wake 7', 'klpfs exit 7'],
  ['user',    'stopped',         'sleeping-on',      7,   'sleeping on seq_read', 'klpfs kill -CONT 7', 'klpfs kill -KILL 7'],
  ['user',    'runnable',        'sleeping-on',      7,   'sleeping on seq_read', 'its return to user space'],
  ['user',    'runnable',        'running',          7,   'running on cpu 1',     INTERRUPT],
  ['user',    'interruptible',   null,               7,   'free to switch',       'the next pass, within two seconds'],
  ['client',  'runnable',        'running',          7,   'running on cpu 1',     INTERRUPT],
  ['client',  'uninterruptible', 'sleeping-on',      7,   'sleeping on seq_read', 'the end of its system call, which a process outside the machine has made'],
  ['kthread', 'interruptible',   'sleeping-on',      7,   'sleeping on seq_read', 'klpfs wake 7'],
  ['kthread', 'runnable',        'running',          7,   'running on cpu 1',     'a pass that finds it off its cpu'],
  ['kthread', 'runnable',        'sleeping-on',      7,   'sleeping on seq_read', 'a pass that finds it elsewhere'],
  ['idle',    'runnable',        'running',          0,   'running on cpu 1',     'its idle loop, which it passes by itself'],
])('%s, %s, %s, pid %i: %s', (kind, state, holdup, pid, reason, ...freed) => {
  const task = { ...straggler, kind, state, holdup, pid };

  expect(describeHoldup(task)).toBe(reason);
  expect(remediesOf(task)).toEqual(freed);
});

const explanation: Explanation = {
  patch: 'fix',
  target: 'unpatched',
  since_us: 2_000_000,
  now_us: 14_340_000,
  passes: 12,
  all: 9,
  behind: [],
  mutex: null,
  turn_around: 'echo 1 > /m/sys/kernel/livepatch/fix/enabled',
  clock: 'real',
};

test('an explanation has the patch, every task with its stack, and the ways out', () => {
  const idle: Straggler = {
    ...{ pid: 0, tgid: 0, ppid: 0, comm: 'swapper/1', kind: 'idle', state: 'runnable', cpu: 1 },
    ...{ patch_state: 1, stack: [], holdup: 'running', function: null, frame: null },
    behind_since_us: 0,
  };
  const behind = [
    { ...straggler, behind_us: 12_340_000, freed_by: ['klpfs wake 7', 'klpfs exit 7'] },
    { ...idle, behind_us: 12_340_000, freed_by: ['its idle loop'] },
  ];

  expect(formatExplanation({ ...explanation, behind, force: 'echo 1 > /m/force' })).toBe(`\
fix: in transition to unpatched for 12.34s, since [    2.000000]
7 of 9 tasks have switched, after 12 passes

reader (pid 7), user, interruptible
  sleeping on seq_read, behind for 12.34s
     schedule
  -> seq_read
     vfs_read
  freed by: klpfs wake 7
        or: klpfs exit 7

swapper/1 (cpu 1), idle, runnable
  running on cpu 1, behind for 12.34s
  freed by: its idle loop

to turn the transition around: echo 1 > /m/sys/kernel/livepatch/fix/enabled
to force it: echo 1 > /m/force
  (a last resort: tasks may then run old and new functions side by side, and the
  module may never be removable again)
`);
});

test('a transition that only waits for its next pass says so', () => {
  expect(formatExplanation({ ...explanation, passes: 1, clock: 'manual' })).toBe(`\
fix: in transition to unpatched for 12.34s, since [    2.000000]
9 of 9 tasks have switched, after 1 pass

no task is behind: the next pass, within two seconds, ends it
to turn the transition around: echo 1 > /m/sys/kernel/livepatch/fix/enabled
the clock stands still until \`klpfs clock advance\`
`);
});

const STUCK = `
cpus: 1
tasks:
  - {comm: reader,  pid: 4242, program: [{sleep_in: [cmdline_proc_show, schedule]}, {sleep_in: [schedule]}]}
  - {comm: fetcher, pid: 4243, program: [{sleep_in: [cmdline_proc_show], state: killable}, {sleep_in: [schedule]}]}
  - {comm: writer,  pid: 4244, program: [{sleep_in: [cmdline_proc_show], state: uninterruptible}, {sleep_in: [schedule]}]}
  - {comm: kdriver, pid: 4245, kthread: true, program: [{sleep_in: [cmdline_proc_show]}, {sleep_in: [schedule]}]}
`;
const PASSES = 'klpfs clock advance 3s';

/** livepatch_sample on its way, behind by four tasks; nothing moves unless the clock is moved. */
async function stick(release: string): Promise<TestMachine> {
  const options = `--machine m.yaml --release ${release} --clock manual`;
  const machine = await startMachine(options, { 'm.yaml': STUCK });
  const stuck = await machine.sh(
    `klpfs clock advance 1s && klpfs insmod livepatch-sample && ${PASSES}`,
  );
  expect(stuck).toEqual({ status: 0, output: '', errors: '' });
  return machine;
}

async function blocking({ sh }: TestMachine): Promise<number[]> {
  const { output } = await sh('klpfs ps --blocking --json');
  return JSON.parse(output).map(({ pid }: Straggler) => pid);
}

test('on 4.15 every task that blocks is explained', async () => {
  const machine = await stick('4.15');
  const { sh } = machine;

  const { status, output, errors } = await sh('klpfs why livepatch-sample');
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  expect(output).toMatch(
    /^livepatch_sample: in transition to patched for 3s, since \[ {4}1\.0000\d\d\]\n\d+ of \d+ tasks have switched, after \d passes\n/,
  );
  expect(output).toContain(`
reader (pid 4242), user, interruptible
  sleeping on cmdline_proc_show, behind for 3s
     schedule
  -> cmdline_proc_show
  freed by: klpfs kill -STOP 4242; klpfs kill -CONT 4242
        or: klpfs wake 4242
        or: klpfs kill 4242
`);
  expect(output).toContain('\nkdriver (pid 4245), kthread, interruptible\n');
  expect(output).toContain(`
to turn the transition around: echo 0 > ${machine.mount}/sys/kernel/livepatch/livepatch_sample/enabled
`);
  expect(output).not.toContain('force');

  const { behind, ...rest } = JSON.parse((await sh('klpfs why --json')).output);
  expect(behind.map(({ pid }: Straggler) => pid)).toEqual([4242, 4243, 4244, 4245]);
  expect(behind[2]).toEqual({
    ...{
      pid: 4244,
      tgid: 4244,
      ppid: 1,
      comm: 'writer',
      kind: 'user',
      state: 'uninterruptible',
      cpu: 0,
    },
    ...{ patch_state: 0, stack: ['cmdline_proc_show'], holdup: 'sleeping-on' },
    ...{ function: 'cmdline_proc_show', frame: 0, behind_since_us: rest.since_us },
    behind_us: rest.now_us - rest.since_us,
    freed_by: ['klpfs wake 4244', 'klpfs exit 4244'],
  });
  expect(rest).toMatchObject({ patch: 'livepatch_sample', target: 'patched', clock: 'manual' });
  expect((await sh('klpfs ps --blocking')).output).toMatch(
    /^PID +KIND .*\n4242 .*\n4243 .*\n4244 .*\n4245 +kthread +interruptible +0 +unpatched +kdriver +cmdline_proc_show\n$/,
  );
});

// biome-ignore format: the columns are the point
test.each<[command: string, freed: number[]]>([
  ['kill -STOP 4242; klpfs kill -CONT 4242',  [4242]],
  ['kill 4242',                               [4242]],
  ['wake 4242',                               [4242]],
  ['kill -STOP 4243; klpfs kill -CONT 4243',  []],
  ['kill -KILL 4243',                         [4243]],
  ['wake 4243',                               [4243]],
  ['kill -9 4244',                            []],
  ['call 4242 meminfo_proc_show',             [4242]],
  ['call 4244 meminfo_proc_show',             []],
  ['wake 4244',                               [4244]],
  ['exit 4244',                               [4244]],
  ['kill -KILL 4245',                         []],
  ['wake 4245',                               [4245]],
])('klpfs %s frees %j', async (command, freed) => {
  const machine = await stick('4.15');

  expect(await machine.sh(`klpfs ${command} && ${PASSES}`)).toMatchObject({ status: 0, errors: '' });
  expect(await blocking(machine)).toEqual([4242, 4243, 4244, 4245].filter((pid) => !freed.includes(pid)));
});

test('what why says for each task frees it', async () => {
  const { sh } = await stick('4.15');

  const { output, errors } = await sh(`
    klpfs why --json | jq -r '.behind[].freed_by[0]' > free && wc -l < free && . ./free
    ${PASSES}; klpfs wait livepatch_sample --timeout 0; klpfs why; klpfs why --json
    klpfs why livepatch_sample; klpfs ps --blocking; klpfs ps --blocking --json`);
  expect(errors).toBe('');
  expect(output.split('\n')).toEqual([
    ...['4', 'no transition', 'null', 'livepatch_sample is not in transition'],
    expect.stringMatching(/^PID +KIND/),
    '[]',
    '',
  ]);
});

test.each([
  ['force', '1'],
  ['turn_around', '0'],
])('on 6.1 %s is a way out', async (way, patched) => {
  const { mount, sh } = await stick('6.1');

  const explained = await sh('klpfs why');
  expect(explained.output).toContain(
    `\nto force it: echo 1 > ${mount}/sys/kernel/livepatch/livepatch_sample/force\n  (a last resort:`,
  );
  expect(
    await sh(`
      eval "$(klpfs why --json | jq -r .${way})" && ${PASSES} && klpfs wait livepatch_sample --timeout 0
      grep -c 'this has been live patched' mnt/proc/cmdline`),
  ).toMatchObject({ output: `${patched}\n`, errors: '' });
});

test('unpatching is explained by the code of the patch', async () => {
  const { sh } = await startMachine('--clock manual --cpus 1');
  await sh('klpfs insmod livepatch-sample && klpfs clock advance 3s');
  await sh(`
    echo '{tasks: [{comm: late, program: [{sleep_in: [cmdline_proc_show]}]}]}' | klpfs spawn -
    klpfs clock advance 1s; echo 0 > mnt/sys/kernel/livepatch/livepatch_sample/enabled; ${PASSES}`);

  const { output } = await sh('klpfs why');
  expect(output).toMatch(/^livepatch_sample: in transition to unpatched for /);
  expect(output).toMatch(
    /\n {2}sleeping on cmdline_proc_show, behind for 3s\n {2}-> livepatch_cmdline_proc_show\n/,
  );
  expect(output).toContain('to turn the transition around: echo 1 > ');
});

test('a patch that is not there cannot be explained', async () => {
  const { sh } = await stick('4.15');

  expect(await sh('klpfs why nothing')).toEqual({
    status: 1,
    output: '',
    errors: 'klpfs why: there is no patch nothing\n',
  });
});

test('a callback that never returns: who holds the livepatch mutex, who waits, and what frees it', async () => {
  const stuck = `
module: stuck
objects: [{name: vmlinux, callbacks: {pre_patch: [{sleep: forever}]}}]
`;
  const { sh, start } = await startMachine('', { 'stuck.yaml': stuck });
  expect((await sh('klpfs insmod kthread-demo')).status).toBe(0);
  start('klpfs insmod stuck.yaml');
  await until(async () => !(await sh('cat mnt/control/klp_mutex')).output.startsWith('null'));
  start('klpfs rmmod kthread-demo');
  await until(async () => /"waiters":\[{/.test((await sh('cat mnt/control/klp_mutex')).output));

  const { output } = await sh('klpfs why');
  expect(output).toMatch(
    /^the livepatch mutex is held by insmod \(pid \d+\), uninterruptible, for [\d.]+m?s, in pre_patch of vmlinux, a callback of stuck$/m,
  );
  expect(output).toMatch(/^ {2}waiting: rmmod \(pid \d+\), uninterruptible$/m);
  const [, freed] = /^ {2}freed by: (klpfs wake \d+)$/m.exec(output) ?? [];
  expect((await sh('klpfs why --json | grep -c \'"mutex": {\'')).output).toBe('1\n');
  expect(await sh(`${freed} && klpfs wait stuck`)).toMatchObject({ status: 0 });
});

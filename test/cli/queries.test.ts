/** What commands print of a running machine, and how every one of them is used. */
import { expect, test } from 'vitest';
import { createFolder, startMachine, until, watch } from './klpfs.ts';

const COMMANDS = [
  ...['mount', 'umount', 'insmod', 'rmmod', 'lsmod', 'wait', 'status', 'ps', 'dmesg', 'wake'],
  ...['why', 'kill', 'exit', 'fork', 'call', 'spawn'],
  ...['clock advance', 'clock run-until', 'cpu', 'irq', 'machine show', 'machine check'],
];

test.each(COMMANDS)('%s --help teaches', async (command) => {
  const { sh } = await createFolder();
  const { status, output, errors } = await sh(`klpfs ${command} --help`);

  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  expect(output).toMatch(new RegExp(`^Usage: klpfs ${command} `));
  expect(output).toMatch(/\$ |A small machine/);
});

// biome-ignore format: the columns are the point
test.each([
  // command                       message
  ['frobnicate',                   "klpfs: unknown command 'frobnicate' (see klpfs --help)"],
  ['statsu',                       "klpfs: unknown command 'statsu'\n(Did you mean status?) (see klpfs --help)"],
  ['--frobnicate',                 "klpfs: unknown option '--frobnicate' (see klpfs --help)"],
  ['ps --frobnicate',              "klpfs ps: unknown option '--frobnicate' (see klpfs ps --help)"],
  ['ps extra',                     "klpfs ps: too many arguments for 'ps'. Expected 0 arguments but got 1 (see klpfs ps --help)"],
  ['wake nobody',                  "klpfs wake: command-argument value 'nobody' is invalid for argument 'pid'. It must be a number above 0 (see klpfs wake --help)"],
  ['exit 0',                       "klpfs exit: command-argument value '0' is invalid for argument 'pid'. It must be a number above 0 (see klpfs exit --help)"],
  ['call 42',                      "klpfs call: missing required argument 'function' (see klpfs call --help)"],
  ['spawn',                        "klpfs spawn: missing required argument 'file' (see klpfs spawn --help)"],
  ['kill -STOP',                   "klpfs kill: missing required argument 'pid' (see klpfs kill --help)"],
  ['kill 42 nobody',               "klpfs kill: 'nobody' is no pid: it must be a number above 0 (see klpfs kill --help)"],
  ['kill --frobnicate 42',         "klpfs kill: '--frobnicate' is no signal (see klpfs kill --help)"],
  ['clock advance soon',           "klpfs clock advance: command-argument value 'soon' is invalid for argument 'duration'. Examples: 1.5s, 20ms, 2m (see klpfs clock advance --help)"],
  ['clock run-until',              "klpfs clock run-until: missing required argument 'goal' (see klpfs clock run-until --help)"],
  ['clock run-until dawn',         "klpfs clock run-until: command-argument value 'dawn' is invalid for argument 'goal'. Allowed choices are transition, idle (see klpfs clock run-until --help)"],
  ['clock run-until idle --limit x', "klpfs clock run-until: option '--limit <duration>' argument 'x' is invalid. Examples: 1.5s, 20ms, 2m (see klpfs clock run-until --help)"],
  ['cpu one off',                  "klpfs cpu: command-argument value 'one' is invalid for argument 'n'. It must be the number of a cpu (see klpfs cpu --help)"],
  ['cpu 1',                        "klpfs cpu: missing required argument 'state' (see klpfs cpu --help)"],
  ['cpu 1 maybe',                  "klpfs cpu: command-argument value 'maybe' is invalid for argument 'state'. Allowed choices are on, off (see klpfs cpu --help)"],
  ['irq 1',                        "klpfs irq: missing required argument 'function' (see klpfs irq --help)"],
  ['irq all vfs_read',             "klpfs irq: command-argument value 'all' is invalid for argument 'cpu'. It must be the number of a cpu (see klpfs irq --help)"],
  ['machine check',                "klpfs machine check: missing required argument 'file' (see klpfs machine check --help)"],
])('%s is bad usage', async (command, message) => {
  const { sh } = await createFolder();

  expect(await sh(`klpfs ${command}`)).toEqual({ status: 2, output: '', errors: `${message}\n` });
});

test('without a command the help goes to stderr', async () => {
  const { sh } = await createFolder();

  for (const command of ['klpfs', 'klpfs clock', 'klpfs machine']) {
    const { status, output, errors } = await sh(command);
    expect({ status, output }).toEqual({ status: 2, output: '' });
    expect(errors).toMatch(new RegExp(`^Usage: ${command} `));
  }
});

test('the version is that of the package', async () => {
  const { sh } = await createFolder();
  expect((await sh('klpfs --version')).output).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('ps, status and dmesg show a patch on its way', async () => {
  const { mount, sh } = await startMachine('--clock manual');
  await sh('klpfs insmod livepatch-sample');

  expect((await sh('klpfs ps | grep -w sshd')).output).toMatch(
    /^42 +user +interruptible +\d+ +patched +sshd +\w/,
  );
  const tasks = JSON.parse((await sh('klpfs ps --json')).output);
  expect(tasks).toContainEqual(
    expect.objectContaining({ pid: 42, comm: 'sshd', kind: 'user', patch_state: 1 }),
  );

  const { output } = await sh('klpfs status');
  expect(output).toContain(`machine on ${mount}\n  Linux 4.15, 2 cpus, up 0.00 s, manual clock\n`);
  expect(output).toContain('patch livepatch_sample: enabled, in transition, module refcnt 1\n');
  expect(output).toMatch(/\n {2}\d+ of \d+ tasks have switched to patched; /);
  expect(JSON.parse((await sh('klpfs status --json')).output)).toMatchObject({
    mount,
    release: '4.15',
    patches: [
      {
        name: 'livepatch_sample',
        enabled: true,
        transition: true,
        refcnt: 1,
        objects: [{ name: 'vmlinux', funcs: [{ name: 'cmdline_proc_show', sympos: 1 }] }],
        tasks: { all: tasks.length },
      },
    ],
  });

  expect((await sh('klpfs dmesg | tail -1')).output).toMatch(
    /^\[ {4}0\.\d{6}\] livepatch: 'livepatch_sample': starting patching transition\n$/,
  );
  expect(JSON.parse((await sh('klpfs dmesg --json')).output).at(-1)).toMatchObject({
    facility: 0,
    text: "livepatch: 'livepatch_sample': starting patching transition",
  });
});

test.each(['', '--json'])('dmesg -w %s follows until Ctrl-C', async (json) => {
  const { sh, start } = await startMachine();
  const child = start(`exec klpfs dmesg -w ${json}`);
  const follower = watch(child);
  await until(() => follower.output().includes('Command line'));

  await sh('echo "from user space" > mnt/dev/kmsg');
  await until(() => follower.output().includes('from user space'));
  child.kill('SIGINT');
  await follower.ended;

  expect(child.signalCode).toBe('SIGINT');
  const last = follower.output().trimEnd().split('\n').at(-1) ?? '';
  if (json) expect(JSON.parse(last)).toMatchObject({ level: 4, facility: 1 });
  else expect(last).toMatch(/^\[ *\d+\.\d{6}\] from user space$/);
});

test('a follower that was too slow gets what a pipe holds, and goes on with the records that are left', async () => {
  const { sh, start } = await startMachine();
  const child = start('exec klpfs dmesg -w');
  const follower = watch(child);
  await until(() => follower.output().includes('Command line'));

  child.kill('SIGSTOP');
  await sh('x=$(printf %900s); for i in {1..800}; do echo "line $i$x." > mnt/dev/kmsg; done');
  child.kill('SIGCONT');
  await until(() => follower.output().includes('line 800 '));
  const lines = [...follower.output().matchAll(/line (\d+) /g)].map(([, number]) => Number(number));
  const gap = lines.findIndex((number, index) => number !== index + 1);
  expect(lines.slice(0, 60)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  expect(gap).toBeGreaterThan(0);
  expect(lines).toEqual(lines.toSorted((a, b) => a - b));
});

test('a follower whose machine dies says so', async () => {
  const { mount, sh, start } = await startMachine();
  const follower = watch(start('exec klpfs dmesg -w'));
  await until(() => follower.output().includes('Command line'));

  await sh('kill -9 $(grep -o \'"pid":[0-9]*\' state/klpfs/*.log | head -1 | cut -d: -f2)');
  expect(await follower.ended).toMatchObject({
    status: 1,
    errors: `klpfs dmesg: the machine on ${mount} has died; \`klpfs mount ${mount}\` starts a new one\n`,
  });
});

test('a reader that goes away ends a command in silence', async () => {
  const { sh } = await startMachine();

  const { output, errors } = await sh(
    'set -o pipefail; klpfs ps | head -1; echo $?; (sleep 0.5; klpfs ps; echo $? >&2) | true',
  );
  expect(output).toMatch(/^PID .*\n0\n$/);
  expect(errors).toBe('0\n');
});

test('wake refuses what the machine refuses', async () => {
  const { sh } = await startMachine();

  expect(await sh('klpfs wake 31999')).toEqual({
    status: 1,
    output: '',
    errors: "klpfs wake: there is no process '31999'\n",
  });
});

test('the machine in force can be printed, checked, and mounted again', async () => {
  const { path, sh } = await startMachine('--release 6.1 --cpus 1');

  expect(
    await sh('klpfs machine show > m.yaml && klpfs machine check m.yaml && mkdir two'),
  ).toEqual({ status: 0, output: '', errors: '' });
  expect(await sh('klpfs mount two --machine m.yaml')).toMatchObject({ status: 0, errors: '' });
  const { output } = await sh('klpfs machine show --json --mount two; klpfs umount two');
  expect(JSON.parse(output)).toEqual(
    JSON.parse((await sh(`cat ${path}/mnt/control/machine`)).output),
  );
});

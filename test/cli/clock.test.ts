/** `klpfs clock`. */
import { expect, test } from 'vitest';
import { startMachine } from './klpfs.ts';

test('a manual clock moves when it is told, and only then', async () => {
  const { sh } = await startMachine('--clock manual');

  const { output } = await sh(`
    cut -d" " -f1 mnt/proc/uptime; klpfs clock advance 1.5s; klpfs clock advance 20ms
    klpfs clock advance 1m; cut -d" " -f1 mnt/proc/uptime
    klpfs clock advance 0.04ms; klpfs clock advance 0.5ms; grep now mnt/control/clock`);
  expect(output).toBe('0.00\n61.52\nnow: 61520540000 ns\n');
});

test('reading the file shows requests that it takes', async () => {
  const { sh } = await startMachine('--clock manual');

  const { output, errors } = await sh(`
    sed -n 's/^write: .*such as //p' mnt/control/clock | sed 's/ or /\\n/' |
      while read -r request; do echo "$request" > mnt/control/clock && echo "$request"; done`);
  expect({ output, errors }).toEqual({
    output: '+1.5s\n+20ms\nuntil transition 60s\n',
    errors: '',
  });
});

test.each(['advance 1s', 'run-until idle'])(
  'clock %s does not move a real clock',
  async (words) => {
    const { sh } = await startMachine();

    expect(await sh(`klpfs clock ${words}`)).toEqual({
      status: 1,
      output: '',
      errors: `klpfs clock ${words.replace(/ .*/, '')}: the clock follows the wall clock; \`klpfs mount DIR --clock manual\` starts one to move\n`,
    });
    expect(await sh('echo until idle 1s > mnt/control/clock; klpfs dmesg | tail -1')).toMatchObject(
      {
        output: expect.stringMatching(/ klpfs: clock: the clock follows the wall clock\n$/),
        errors: expect.stringContaining('Invalid argument'),
      },
    );
  },
);

const MACHINE = `
cpus: 2
clock: manual
tasks:
  - comm: reader
    pid: 4242
    program: [{sleep_in: [cmdline_proc_show], for: 2.5s}, {sleep_in: [cmdline_proc_show]}]
  - {comm: brief, pid: 4243, cpu: 1, program: [{user: 2.001ms}, {sleep_in: [schedule]}]}
`;

test.each(['transition', 'TRANSITION'])('run-until %s prints how far it was', async (goal) => {
  const { sh } = await startMachine('--machine m.yaml', { 'm.yaml': MACHINE });

  const { status, output, errors } = await sh(`
    klpfs insmod livepatch-sample; klpfs clock advance 1s; klpfs clock run-until ${goal}
    klpfs clock run-until ${goal}; klpfs dmesg | tail -1; klpfs wait livepatch_sample --timeout 0`);
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  const [moved = '', again, completed = ''] = output.split('\n');
  expect(again).toBe('0s');
  expect(completed).toContain("'livepatch_sample': patching complete");
  expect(Number.parseFloat(moved) + 1).toBe(Number(/\[ *([\d.]+)\]/.exec(completed)?.[1]));
});

test('run-until idle goes on until no cpu has anything to run', async () => {
  const { sh } = await startMachine('--machine m.yaml', { 'm.yaml': MACHINE });

  expect(await sh('klpfs clock run-until idle; klpfs clock run-until Idle')).toEqual({
    status: 0,
    output: '0.002001s\n0s\n',
    errors: '',
  });
});

test('a transition that is not over within the limit is explained as wait explains it', async () => {
  const { sh } = await startMachine('--machine m.yaml', { 'm.yaml': MACHINE });
  await sh('klpfs insmod livepatch-sample');

  const explained = await sh('klpfs clock run-until transition --limit 2s');
  expect(explained).toMatchObject({ status: 124, output: '' });
  expect(explained.errors).toMatch(
    /^klpfs clock run-until: after 2s livepatch_sample is still in transition; \d+ of \d+ tasks have switched\n/,
  );
  expect(explained.errors).toContain('  reader (pid 4242, interruptible): cmdline_proc_show\n');

  const waited = await sh('klpfs wait livepatch_sample --timeout 0');
  expect(waited.errors.split('\n').slice(1, -2)).toEqual(explained.errors.split('\n').slice(1, -1));
  expect((await sh('klpfs dmesg | tail -1; grep now mnt/control/clock')).output).toMatch(
    /^\[ {4}2\.000000\] klpfs: clock: after 2s livepatch_sample is still in transition\nnow: 2000000000 ns\n$/,
  );
});

test('a machine that is not idle within the limit says what its cpus run', async () => {
  const hog =
    '{cpus: 2, clock: manual, tasks: [{comm: hog, pid: 4243, cpu: 1, program: [{user: 60m}]}]}';
  const { sh } = await startMachine('--machine m.yaml', { 'm.yaml': hog });

  expect(await sh('klpfs clock run-until idle')).toEqual({
    status: 124,
    output: '',
    errors: 'klpfs clock run-until: after 60s the machine is still busy\n  cpu 1 runs hog (4243)\n',
  });
});

/** `klpfs mount --record` and `klpfs replay`, on real mounts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFolder, type Folder, startMachine, until } from './klpfs.ts';

/** The daemon writes the end of the recording after the mount is gone. */
async function recorded({ path }: Folder): Promise<string> {
  const read = () => readFile(join(path, 'rec.jsonl'), 'utf8');
  await until(async () => /"do":"end".*\n$/.test(await read()));
  return read();
}

/** The same for a shell. */
const ENDED = `until grep -q '"do":"end"' rec.jsonl; do sleep 0.02; done`;

const READER = `
cpus: 2
load: [fix.yaml]
tasks:
  - {comm: reader, pid: 4242, program: [{sleep_in: [meminfo_proc_show], state: interruptible}]}
`;
const FIX = `
module: fix
livepatch: true
objects: [{name: vmlinux, funcs: [{old_name: meminfo_proc_show, output: "fixed\\n", log: shown}]}]
`;
const FILES = { 'm.yaml': READER, 'fix.yaml': FIX };

test.each([
  ['real', '--clock real --speed 20', 'sleep 0.3'],
  ['manual', '--clock manual', 'klpfs clock advance 5s'],
  ['manual', '--clock manual', 'klpfs clock run-until transition --limit 5s 2> late'],
])('what happened on a mount with a %s clock is replayed', async (_clock, options, pass) => {
  const machine = await startMachine(`--machine m.yaml ${options} --record rec.jsonl`, FILES);
  const done = await machine.sh(`
    cat $M/proc/meminfo $M/proc/cmdline $M/proc/*/comm
    ${pass}; echo 4242 > $M/control/wake; echo hello > $M/dev/kmsg; ${pass}
    timeout 0.2 cat $M/dev/kmsg; echo 0 > $M/sys/kernel/livepatch/fix/enabled; ${pass}
    klpfs dmesg > log; klpfs umount mnt; ${ENDED}; klpfs replay rec.jsonl`);
  expect(done.errors).toBe('');
  expect(done.output).toMatch(/^equal: \d+ inputs, \d+ records$/m);

  const recording = await recorded(machine);
  expect(recording).toContain('"text":"hello\\n"');
  expect(recording).not.toContain('/comm');
  const log = await machine.sh('klpfs replay rec.jsonl --log | head -$(wc -l < log) | diff - log');
  expect(log).toEqual({ status: 0, output: '', errors: '' });
});

async function aRecording(): Promise<Folder> {
  const machine = await startMachine('--clock manual --cpus 1 --record rec.jsonl');
  await machine.sh(`
    klpfs insmod livepatch-sample; echo hello > $M/dev/kmsg
    echo 0 > $M/sys/kernel/livepatch/livepatch_sample/enabled; klpfs umount mnt`);
  await recorded(machine);
  return machine;
}

test('a recording that was tampered with is found, with the first difference', async () => {
  const { sh } = await aRecording();
  await sh(`sed -i 's/"text":"hello\\\\n"/"text":"hallo\\\\n"/' rec.jsonl`);
  const { status, output, errors } = await sh('klpfs replay rec.jsonl');
  expect(status).toBe(1);
  expect(output).toBe('');
  expect(errors.split('\n')).toEqual([
    'klpfs replay: rec.jsonl: the kernel logs differ',
    expect.stringMatching(/^ {2}recorded: 12,\d+,\d+,-;hello$/),
    expect.stringMatching(/^ {2}replayed: 12,\d+,\d+,-;hallo$/),
    expect.stringMatching(/^ {2}after input \{.*"do":"write".*"text":"hallo\\n"\}$/),
    '',
  ]);
  const json = await sh('klpfs replay rec.jsonl --json');
  expect(JSON.parse(json.output)).toMatchObject({
    verdict: 'different',
    recorded: expect.stringMatching(/;hello$/),
    replayed: expect.stringMatching(/;hallo$/),
    after: { do: 'write', path: 'dev/kmsg' },
  });
  expect(json.status).toBe(1);
});

test('a recording without an end is replayed as far as it goes', async () => {
  const { sh } = await aRecording();
  await sh(`sed -i '$d' rec.jsonl; printf '{"n":99,"st' >> rec.jsonl`);
  const { status, output } = await sh('klpfs replay rec.jsonl');
  expect(output).toMatch(/^cut off: \d+ inputs, \d+ records; /);
  expect(status).toBe(0);
  expect((await sh('klpfs replay - --log < rec.jsonl')).output).toContain('hello');
});

test('a daemon that is killed leaves what it got until then', async () => {
  const { sh } = await startMachine('--record rec.jsonl');
  await sh(`echo hello > $M/dev/kmsg; cat $M/proc/cmdline; sleep 0.1
    kill -9 $(grep -o '"pid":[0-9]*' state/klpfs/*.log | head -1 | grep -o '[0-9]*$')`);
  const { status, output } = await sh('klpfs replay rec.jsonl --log');
  expect(output).toContain('hello');
  expect(status).toBe(0);
});

test('what is no recording is refused, with the line', async () => {
  const { sh } = await createFolder();
  const { status, errors } = await sh('echo hello > rec.jsonl; klpfs replay rec.jsonl');
  expect(errors).toBe('klpfs replay: rec.jsonl:1: no recording of klpfs\n');
  expect(status).toBe(1);
});

test('a recording that cannot be begun is no mount; one that cannot go on is a line of the log', async () => {
  const { sh } = await createFolder();
  const refused = await sh('mkdir mnt; klpfs mount mnt --record nosuch/rec.jsonl');
  expect(refused.errors).toContain('nosuch/rec.jsonl: No such file or directory');
  expect(refused.status).not.toBe(0);

  const full = await sh(
    'klpfs mount mnt --record /dev/full && echo a > mnt/dev/kmsg; sleep 0.1; echo b > mnt/dev/kmsg && echo written; cat state/klpfs/*',
  );
  expect(full.output).toContain('written');
  expect(full.output.match(/the recording is given up/g)).toHaveLength(1);
});

/** `klpfs spawn`, `kill`, `exit`, `fork` and `call`. */
import { expect, test } from 'vitest';
import { type Kill, parseKill, SIGNALS } from '../../src/cli/signals.ts';
import { SIGNAL_NAMES } from '../../src/engine/sched/signal.ts';
import { createFolder, startMachine } from './klpfs.ts';

// biome-ignore format: the columns are the point
test.each<[words: string[], parsed: Kill | string]>([
  [['42'],                { signal: 'TERM', pids: [42] }],
  [['-STOP', '42', '43'], { signal: 'STOP', pids: [42, 43] }],
  [['-SIGSTOP', '42'],    { signal: 'SIGSTOP', pids: [42] }],
  [['-19', '42'],         { signal: '19', pids: [42] }],
  [[],                    "missing required argument 'pid'"],
  [['-9'],                "missing required argument 'pid'"],
  [['-', '42'],           "'-' is no signal"],
  [['--list-all', '42'],  "'--list-all' is no signal"],
  [['42', '-9'],          "'-9' is no pid: it must be a number above 0"],
  [['0'],                 "'0' is no pid: it must be a number above 0"],
])('kill %j', (words, parsed) => {
  expect(parseKill(words)).toEqual(parsed);
});

test('kill lists the signals that machines know, even where none is', async () => {
  const { sh } = await createFolder();

  expect(SIGNALS).toEqual(SIGNAL_NAMES);
  expect(await sh('klpfs kill -l')).toEqual({
    status: 0,
    output: `${SIGNAL_NAMES.join(' ')}\n`,
    errors: '',
  });
});

const MACHINE = `
cpus: 1
clock: manual
tasks:
  - {comm: init,   pid: 1}
  - {comm: reader, pid: 4242, program: [{sleep_in: [schedule]}]}
  - {comm: hog,    pid: 4243, program: [{user: 3600s}]}
  - {comm: kidle,  pid: 4244, kthread: true, program: [{sleep_in: [schedule]}]}
`;

/** Every task is where its program leads. */
async function startSettled(files: Record<string, string> = {}) {
  const machine = await startMachine('--machine m.yaml', { 'm.yaml': MACHINE, ...files });
  await machine.sh('klpfs clock advance 1s');
  return machine;
}

test.each(['SIGKILL', '15', ''])('a process ends by signal %j', async (signal) => {
  const { mount, sh } = await startSettled();

  expect(
    await sh(`klpfs kill ${signal && `-${signal}`} --mount ${mount} 4242 4243 &&
      klpfs clock advance 1s && klpfs ps --json | jq -c '[.[] | select(.kind == "user").comm]'`),
  ).toEqual({ status: 0, output: '["init"]\n', errors: '' });
});

test('a process stops, and goes on', async () => {
  const { sh } = await startSettled();
  const state =
    'klpfs clock advance 1s; klpfs ps --json | jq -r ".[] | select(.pid == 4242).state"';

  expect(await sh(`klpfs kill -SIGSTOP 4242; ${state}; klpfs kill -CONT 4242; ${state}`)).toEqual({
    status: 0,
    output: 'stopped\ninterruptible\n',
    errors: '',
  });
});

test('exit ends what sleeps', async () => {
  const { sh } = await startSettled();

  expect(await sh('klpfs exit 4242; klpfs exit 4244; ls mnt/proc')).toMatchObject({ errors: '' });
  expect((await sh('klpfs ps --json | jq .[].pid | grep -c "424[24]"')).output).toBe('0\n');
});

test('fork prints the child, which inherits', async () => {
  const { sh } = await startSettled();

  expect(
    await sh(`child=$(klpfs fork 4242) && klpfs clock advance 1s &&
      klpfs ps --json | jq -c ".[] | select(.pid == $child) | [.comm, .kind, .stack]"`),
  ).toEqual({ status: 0, output: '["reader","user",["schedule"]]\n', errors: '' });
});

test('a call waits until its task can be interrupted', async () => {
  const { sh } = await startSettled();
  const document =
    '{"tasks": [{"comm": "deep", "program": [{"sleep_in": ["schedule"], "state": "uninterruptible"}, {"exit": 0}]}]}';

  const { output, errors } = await sh(`
    pid=$(echo '${document}' | klpfs spawn -); klpfs clock advance 1s
    klpfs call $pid cmdline_proc_show; echo $?; klpfs ps --json | jq -c ".[] | select(.pid == $pid).stack"`);
  expect({ output, errors }).toEqual({ output: '0\n["schedule"]\n', errors: '' });
});

test.each(['./f.json', '-'])('spawn %s prints the pids', async (file) => {
  const { sh } = await startMachine('--clock manual', {
    'f.yaml': 'tasks:\n  - {comm: one, pid: 900}\n  - {comm: two, count: 2}\n',
    'f.json': '{"tasks": [{"comm": "one", "pid": 900}, {"comm": "two", "count": 2}]}',
  });

  const { status, output, errors } = await sh(`klpfs spawn ${file} < f.yaml`);
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  const pids = output.trimEnd().split('\n');
  expect(pids).toHaveLength(3);
  expect(pids).toContain('900');
  expect(
    (await sh(`cd mnt/proc && cat ${pids.map((pid) => `${pid}/comm`).join(' ')} | sort`)).output,
  ).toBe('one\ntwo\ntwo\n');
});

test('spawn prints neither threads nor the children that a process has at once', async () => {
  const tasks = `tasks:
  - comm: server
    pid: 900
    program: [{fork: {comm: child, program: [{sleep_in: [schedule]}]}}, {sleep_in: [schedule]}]
    threads: [{comm: pool}]`;
  const { sh } = await startMachine('', { 'f.yaml': tasks });

  expect(await sh('klpfs spawn f.yaml; klpfs ps | grep -c "child\\|thread.*pool"')).toEqual({
    status: 0,
    output: '900\n2\n',
    errors: '',
  });
});

// biome-ignore format: the columns are the point
const BAD_DOCUMENTS: readonly [text: string, why: string, ...details: RegExp[]][] = [
  // text                                                   why                 details
  ['tasks:\n  - {comm: a, foo: 1}\n',                       'Invalid argument', /^bad.yaml:2:15: tasks\[0\]\.foo: unknown key: /],
  ['tasks: [{pid: 0, comm: a}, {pid: 7}]\n',                'Invalid argument', /^bad.yaml:1:\d+: tasks\[0\]\.pid: /, /^bad.yaml:1:\d+: tasks\[1\].*comm/],
  ['tasks: [\n',                                            'Invalid argument', /^bad.yaml:2:1: /],
  ['',                                                      'Invalid argument', /^bad.yaml:1:1: /],
  ['tasks: [{comm: a, program: [{syscall: [nowhere]}]}]\n', 'Invalid argument', /^bad.yaml:1:\d+: tasks\[0\]\.program\[0\].*nowhere/],
  ['tasks: [{comm: a}, {comm: b, pid: 4242}]\n',            'File exists',      /^there is a process 4242 already$/],
];

test('spawn says what is wrong, and where, and starts nothing', async () => {
  const { sh, write } = await startSettled();
  await sh('klpfs ps > before');

  for (const [text, why, ...details] of BAD_DOCUMENTS) {
    await write('bad.yaml', text);
    const { status, output, errors } = await sh('klpfs spawn bad.yaml');
    expect({ status, output }, text).toEqual({ status: 1, output: '' });
    const [first, ...rest] = errors.trimEnd().split('\n');
    expect(first).toBe(`klpfs spawn: could not start the tasks of bad.yaml: ${why}`);
    expect(rest.map((line) => line.trim())).toEqual(
      details.map((detail) => expect.stringMatching(detail)),
    );
  }
  expect(await sh('klpfs ps | diff before -')).toMatchObject({ status: 0 });
});

// biome-ignore format: the columns are the point
const REFUSED: readonly [command: string, ...errors: string[]][] = [
  ['kill -FOO 4242',    "kill: there is no signal 'FOO'"],
  ['exit 1',            'exit: the machine needs init (1)'],
  ['exit 4243',         'exit: hog (4243) is running; kill it'],
  ['fork 77',           "fork: there is no process '77'"],
  ['fork 4244',         'fork: kidle does not fork'],
  ['call 4242 nowhere', "call: there is no function 'nowhere'"],
  ['irq 7 schedule',    'irq: there is no cpu 7'],
  ['irq 0 nowhere',     "irq: there is no function 'nowhere'"],
  ['spawn nofile',      'spawn: nofile: No such file or directory'],
  // The one in the middle gets its signal.
  ['kill 77 4242 78',   "kill: there is no process '77'", "kill: there is no process '78'"],
];

test('what the machine refuses fails with its reason', async () => {
  const { sh } = await startSettled();

  for (const [command, ...errors] of REFUSED) {
    expect(await sh(`klpfs ${command}`), command).toEqual({
      status: 1,
      output: '',
      errors: errors.map((line) => `klpfs ${line}\n`).join(''),
    });
  }
});

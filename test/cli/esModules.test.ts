/** ES modules: what docs/modules.md shows works, and what is wrong is said before anything is mounted. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { createFolder, startMachine } from './klpfs.ts';

const DOCS = readFileSync(resolve(import.meta.dirname, '../../docs/modules.md'), 'utf8');
const block = (kind: string) =>
  new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\``, 'ms').exec(DOCS)?.[1] ?? '';
const TICKER = block('js module');

test('the ES module of the docs ticks, is patched and unpatched', async () => {
  const { sh } = await startMachine('--clock manual --cpus 1 --module ticker.mjs', {
    'ticker.mjs': TICKER,
  });
  const ended = await sh(`
    klpfs insmod ticker pause_ms=500; klpfs clock advance 1.2s
    klpfs insmod livepatch_ticker; klpfs clock advance 3s
    echo 0 > mnt/sys/kernel/livepatch/livepatch_ticker/enabled; klpfs clock advance 3s
    klpfs rmmod livepatch_ticker ticker; klpfs dmesg | sed -n 's/.*\\] \\(.*ticker: \\(tick\\|patching\\).*\\)/\\1/p' | uniq`);
  expect(ended).toMatchObject({ status: 0, errors: '' });
  const [before, patching, first, ...rest] = ended.output.split('\n').filter(Boolean);
  expect([before, patching, first]).toEqual([
    expect.stringMatching(/ticker: tick$/),
    expect.stringMatching(/livepatch_ticker: patching ticker$/),
    expect.stringMatching(/livepatch_ticker: tick 1$/),
  ]);
  expect(rest.at(-1)).toMatch(/ ?ticker: tick$/);
});

test('the manifest of the docs counts', async () => {
  const { sh } = await startMachine('--cpus 1', { 'count.yaml': block('yaml manifest') });
  const count = 'cat mnt/proc/cmdline';
  expect(await sh(`klpfs insmod count.yaml && ${count} && ${count}`)).toEqual({
    status: 0,
    output: 'read 1 times\nread 2 times\n',
    errors: '',
  });
  expect((await sh('klpfs modinfo -F description livepatch_count')).output).toBe(
    'counts the readers of /proc/cmdline\n',
  );
});

test('`load` loads all modules of a file that lies beside the machine description', async () => {
  const { sh } = await startMachine('--machine machine.yaml', {
    'machine.yaml': 'load: [./ticker.mjs]',
    'ticker.mjs': TICKER,
  });
  expect((await sh('ls mnt/sys/module mnt/sys/kernel/livepatch')).output).toMatch(
    /livepatch_ticker\nticker\n/,
  );
});

const COUNT =
  'module: count\nobjects: [{name: vmlinux, funcs: [{old_name: vfs_read, new_name: count_reads}]}]';
const naming = (inModule: string, inManifest: string) => `
load: [count.yaml]
tasks:
  - {comm: worker, pid: 500, kthread: true, program: [{sleep_in: [${inModule}, schedule]}]}
  - {comm: counter, pid: 501, program: [{syscall: [${inManifest}]}, {sleep_in: [${inManifest}]}]}
interrupts: [{cpu: 0, every: 1s, call: [${inModule}]}]
`;

test('tasks and interrupts of a machine name functions of ES modules and of manifests', async () => {
  const { sh } = await startMachine('--clock manual --module ticker.mjs --machine machine.yaml', {
    'machine.yaml': naming('ticker_work', 'count_reads'),
    'count.yaml': COUNT,
    'ticker.mjs': TICKER,
  });
  const stacks = 'for pid in 500 501; do echo $(grep -o "[a-z_]*+" mnt/proc/$pid/stack); done';
  expect(await sh(`${stacks}; klpfs insmod ticker && klpfs clock advance 2.5s; ${stacks}`)).toEqual(
    {
      status: 0,
      output: '\ncount_reads+\nticker_work+\ncount_reads+\n',
      errors: '',
    },
  );
  const ticks = await sh('klpfs dmesg | grep -c "ticker: tick"');
  expect(Number(ticks.output)).toBeGreaterThan(3);
  const spawned = 'tasks: [{comm: a, pid: 600, program: [{sleep_in: [ticker_main]}]}]';
  expect((await sh(`echo '${spawned}' | klpfs spawn - && cat mnt/proc/600/stack`)).output).toMatch(
    /^600\n\[<0>\] ticker_main\+.*\[ticker\]\n$/,
  );
});

test('a name that is nowhere is complained of where it stands, with what may be meant', async () => {
  const { sh, write } = await createFolder();
  await write('machine.yaml', naming('ticker_wurk', 'count_read'));
  await write('count.yaml', COUNT);
  await write('ticker.mjs', TICKER);
  const path = (index: number, step: number, verb: string) =>
    `tasks[${index}].program[${step}].${verb}[0]`;
  const complaints = [
    `4:67: ${path(0, 0, 'sleep_in')}: no object has a function 'ticker_wurk' (did you mean 'ticker_work'?)`,
    `5:52: ${path(1, 0, 'syscall')}: no object has a function 'count_read' (did you mean 'count_reads'?)`,
    `5:78: ${path(1, 1, 'sleep_in')}: no object has a function 'count_read' (did you mean 'count_reads'?)`,
    "6:41: interrupts[0].call[0]: no object has a function 'ticker_wurk' (did you mean 'ticker_work'?)",
  ];
  const errors = complaints.map((complaint) => `machine.yaml:${complaint}\n`).join('');
  const refused = { status: 1, output: '', errors };
  expect(await sh('klpfs machine check --module ticker.mjs machine.yaml')).toEqual(refused);
  expect(await sh('mkdir mnt; klpfs mount mnt --machine machine.yaml --module ticker.mjs')).toEqual(
    refused,
  );
  expect((await sh('mountpoint -q mnt')).status).not.toBe(0);
  await write('machine.yaml', naming('ticker_work', 'count_reads'));
  expect((await sh('klpfs machine check machine.yaml')).errors).toMatch(
    /^machine.yaml:4:67: .*no object has a function 'ticker_work'\n/,
  );
  expect(await sh('klpfs machine check --module ticker.mjs machine.yaml')).toMatchObject({
    status: 0,
    errors: '',
  });
});

// biome-ignore format: the columns are the point
test.each<[what: string, text: string, options: string, error: RegExp]>([
  ['exports no module',        'export const x = 1;',             '',                /bad\.mjs:1:1: exports no module/],
  ['is no JavaScript',         'export const =',                  '',                /bad\.mjs:1:1: SyntaxError/],
  ['throws',                   'throw new Error("oops")',         '',                /bad\.mjs:1:1: Error: oops/],
  ['takes the name of another', "import { defineModule } from 'klpfs/module'; export const m = defineModule({ name: 'livepatch-sample' });", '', /there is a module 'livepatch_sample' already/],
  ['is to be recorded',        TICKER,                            '--record r.jsonl', /cannot be recorded/],
])('an ES module that %s', async (_, text, options, error) => {
  const { sh, write } = await createFolder();
  await write('bad.mjs', text);
  const ended = await sh(`mkdir mnt; klpfs mount mnt --module bad.mjs ${options}`);
  expect(ended.status).not.toBe(0);
  expect(ended.errors).toMatch(error);
  expect((await sh('mountpoint mnt')).status).not.toBe(0);
});

test('nobody but the owner names code: a client cannot load a file', async () => {
  const { sh } = await startMachine('', { 'ticker.mjs': TICKER });
  expect((await sh('klpfs insmod ./ticker.mjs')).status).toBe(1);
  expect((await sh('echo $T/ticker.mjs > mnt/control/insmod')).errors).toContain('No such file');
});

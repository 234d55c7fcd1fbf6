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

/** `klpfs releases` and `klpfs diff-releases`: lists, runs on two machines, and what documents show. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { RELEASES } from '../../src/abi/release.ts';
import { normalise } from '../../src/cli/normalise.ts';
import { createFolder, type Ended } from './klpfs.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../docs/releases.md');
const NOTHING = { output: '', errors: '' };

async function klpfs(command: string): Promise<Ended> {
  return (await createFolder()).sh(`klpfs ${command}`);
}

test('every release is listed, with how it is known, in lines of a hundred columns', async () => {
  const { status, output, errors } = await klpfs('releases');

  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  const lines = output.split('\n');
  expect(lines.slice(1, 1 + RELEASES.length).map((line) => line.split(' ')[0])).toEqual(RELEASES);
  expect(lines).toContainEqual(expect.stringMatching(/^4\.15 +its sources +the oldest$/));
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^6\.1 +its sources, and recordings of Debian 6\.1\.192 +\d+ differences$/,
    ),
  );
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
});

test('what only the newer release has is in its section, and in no other', async () => {
  const { output } = await klpfs('releases');

  const sections = output.split('\n\n').filter((section) => section.includes('stack_order'));
  expect(sections).toEqual([
    expect.stringMatching(
      /^6\.14, after 6\.12\n\+ 6\.14 {2}attribute {3}\/sys\/kernel\/livepatch\/PATCH\/stack_order 0444\n/,
    ),
  ]);
});

test('as JSON', async () => {
  const rows = JSON.parse((await klpfs('releases --json')).output);

  expect(rows).toHaveLength(RELEASES.length);
  expect(rows[0]).toEqual({
    release: '4.15',
    recorded_kernel: null,
    before: null,
    differences: [],
  });
  expect(rows[1]).toMatchObject({ release: '6.1', recorded_kernel: 'Debian 6.1.192' });
  expect(rows[1].differences).toContainEqual({
    kind: 'rule',
    what: 'patches can be disabled in any order, not only the newest first',
    change: 'gained',
    at: '5.1',
    releases: { since: '5.1' },
    source: 'core.c:enabled_store(), __klp_disable_patch()',
  });
});

test('two releases are compared with all details', async () => {
  const { status, output } = await klpfs('diff-releases 6.12 4.15');

  expect(status).toBe(1);
  expect(output).toMatch(/^--- 6\.12\n\+\+\+ 4\.15\n\nattributes\n- 4\.16 {2}\/sys/);
  expect(output).toContain('\nrules\n');
  expect(output).toContain('- 4.18  shadow variables can have a constructor and a destructor\n');
  expect(output).toContain('- 5.19  a flag that begins with [tT] is 1\n');
  expect(output).toContain('+ 4.16  manifests: immediate\n');
  expect(output).toMatch(/^\+ {9}transition\.c:363 klp_try_switch_task "%s"$/m);
  expect(output).toMatch(/^- {9}#.* _-=> migrate-disable$/m);
  // Both have it, before other lines that only one of them has.
  expect(output).not.toMatch(/^[+-] {9}entry_SYSCALL_64_after_hwframe$/m);
});

test.each(RELEASES)('%s does not differ from itself', async (release) => {
  expect(await klpfs(`diff-releases ${release} ${release}`)).toEqual({ status: 0, ...NOTHING });
});

const DISABLE = `bash -c 'insmod livepatch-sample
  cd /sys/kernel/livepatch/livepatch_sample && echo f > enabled && cat enabled'`;

test('a command sees on two machines what the two releases answer', async () => {
  const { status, output, errors } = await klpfs(`diff-releases 4.15 6.1 -- ${DISABLE}`);

  expect({ status, errors }).toEqual({ status: 1, errors: '' });
  expect(output).toBe(`\
--- 4.15 stdout
+++ 6.1 stdout
@@ -0,0 +1,1 @@
+0
--- 4.15 stderr
+++ 6.1 stderr
@@ -1,1 +0,0 @@
-bash: line 2: echo: write error: Invalid argument
--- 4.15 exit code
+++ 6.1 exit code
@@ -1,1 +1,1 @@
-1
+0
--- 4.15 kernel log
+++ 6.1 kernel log
@@ -3,3 +3,4 @@
 notice: livepatch_sample: module verification failed: signature and/or required key missing - tainting kernel
 notice: livepatch: enabling patch 'livepatch_sample'
 notice: livepatch: 'livepatch_sample': starting patching transition
+notice: livepatch: 'livepatch_sample': starting unpatching transition
`);
});

test('both runs and their difference as JSON', async () => {
  const { output } = await klpfs(`diff-releases 6.1 4.15 --json -- ${DISABLE}`);

  const { runs, diff, ...rest } = JSON.parse(output);
  expect(rest).toMatchObject({ from: '6.1', to: '4.15', command: ['bash', '-c', /insmod/] });
  expect(runs).toMatchObject([
    { release: '6.1', stdout: '0\n', stderr: '', exit_code: 0 },
    { release: '4.15', stdout: '', exit_code: 1 },
  ]);
  expect(runs[0].log.at(-1).text).toContain('starting unpatching transition');
  expect(diff).toMatch(/^--- 6\.1 stdout\n\+\+\+ 4\.15 stdout\n@@ -1,1 \+0,0 @@\n-0\n/);
});

const MACHINE =
  'tasks:\n  - {comm: reader, pid: 4242, program: [{sleep_in: [cmdline_proc_show]}]}\n';

// biome-ignore format: the columns are the point
test.each<[command: string, status: number, output: RegExp, errors: RegExp]>([
  // command                                                  status  output                                errors
  ["4.15 6.1 -- sh -c 'echo same; echo too >&2; exit 3'",     0,      /^$/,                                 /^$/],
  ["4.15 6.1 -- sh -c 'kill -KILL $$'",                       0,      /^$/,                                 /^$/],
  ['4.15 6.1 -- cat',                                         0,      /^$/,                                 /^$/],
  ['6.1 6.12 -- sh -c "dmesg | grep -v ersion"',              1,      /^-\[time\] Command line/m,           /^$/],
  ['6.12 6.14 -- cat /proc/version',                          1,      /^-Linux version 6\.12\.0 /m,         /^$/],
  ['6.1 6.12 --machine m.yaml -- cat /proc/4242/comm',        0,      /^$/,                                 /^$/],
  ['6.1 6.12 -- no-such-program',                             2,      /^$/,                                 /exit code 127 on both: .*\n {2}klpfs: line \d: no-such-program: command not found\n$/],
  ['6.1 6.12 --machine nowhere.yaml -- true',                 2,      /^$/,                                 /could not run on Linux 6\.1: klpfs run ended with 125\n {2}klpfs run: nowhere\.yaml: No such file/],
  ['6.1 6.12 --machine - -- true',                            2,      /^$/,                                 /It must be a file/],
  ['6.1',                                                     2,      /^$/,                                 /missing required argument 'to'/],
  ['6.1 5.0',                                                 2,      /^$/,                                 /'5\.0' is invalid .* Allowed choices are 4\.15, 6\.1/],
  ['6.1 6.12 --frobnicate',                                   2,      /^$/,                                 /unknown option/],
])('diff-releases %s: exit code %d', async (command, status, output, errors) => {
  const folder = await createFolder();
  await folder.write('m.yaml', MACHINE);

  const ended = await folder.sh(
    `mkdir tmp; TMPDIR=$T/tmp klpfs diff-releases ${command}; status=$?; ls tmp; exit $status`,
  );
  expect(ended).toEqual({
    status,
    output: expect.stringMatching(output),
    errors: expect.stringMatching(errors),
  });
});

test('where nobody can mount, it says that klpfs run cannot', async () => {
  const { sh } = await createFolder();
  const { status, output, errors } = await sh(`
    unshare -Ur bash -c 'echo 0 > /proc/sys/user/max_user_namespaces
      exec setpriv --bounding-set -all --inh-caps -all klpfs diff-releases 4.15 6.1 -- true'`);

  expect({ status, output }).toEqual({ status: 2, output: '' });
  expect(errors).toMatch(
    /^klpfs diff-releases: the command could not run on Linux 4\.15: klpfs run ended with 125\n {2}klpfs run: a namespace /,
  );
});

// biome-ignore format: the columns are the point
test.each([
  // text                                             normalised
  ['[    0.000000] Linux',                            '[time] Linux'],
  ['<5>[12345.678901] a\n[    1.000000] b',           '<5>[time] a\n[time] b'],
  ['array[ 1.000000] stays',                          'array[ 1.000000] stays'],
  ['ffffffff81000040 t schedule',                     '[address] t schedule'],
  ['tramp: 0xffffffffa0000000 (x+0x0/0xc0)',          'tramp: 0x[address] (x+0x0/0xc0)'],
  ['00000000abcdef12 is hashed',                      '[address] is hashed'],
  ['NULL is 0000000000000000',                        'NULL is 0000000000000000'],
  ['0123456789abcdef0 is longer',                     '0123456789abcdef0 is longer'],
])('%j is normalised to %j', (text, normalised) => {
  expect(normalise(text)).toBe(normalised);
});

const LIST = /(^\$ klpfs releases\n)(.*?)(^```$)/ms;

test('docs/releases.md shows what the command prints; -u writes it', async () => {
  const { output } = await klpfs('releases');
  const document = await readFile(DOCUMENT, 'utf8');

  expect(document).toMatch(LIST);
  await expect(
    document.replace(LIST, (_, head, _list, end) => `${head}${output}${end}`),
  ).toMatchFileSnapshot(DOCUMENT);
});

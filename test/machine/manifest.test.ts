/** Patch manifests: what is refused and where, and what the accepted ones do. */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { findTask, runStateOf } from '../../src/engine/sched/task.ts';
import { MachineError } from '../../src/machine/machineError.ts';
import { parseManifest } from '../../src/machine/manifest.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';

function refusalOf(text: string): string[] {
  try {
    parseManifest(text, 'fix.yaml');
  } catch (error) {
    if (error instanceof MachineError) return error.message.split('\n');
    throw error;
  }
  return [];
}

/** A manifest with one object, which begins at column 11 of line 2. */
const withObject = (object: string) => `module: fix\nobjects: [${object}]`;
const NO_OBJECTS =
  'objects: a patch needs objects: a list of what it patches, such as [{name: vmlinux, funcs: [...]}]';
const MANIFEST_KEYS = 'module, livepatch, immediate, depends, parameters, intree, objects';
const FUNC_KEYS = 'old_name, new_name, sympos, immediate, output, returns, log';
const ERRNO = 'must be 0, or a negative errno such as -19 or -ENODEV';

// biome-ignore format: the columns are the point
test.each<[text: string, ...complaints: string[]]>([
  ['',                                       'fix.yaml:1:1: must be a mapping, not empty'],
  ['just text',                              'fix.yaml:1:1: must be a mapping, not a string'],
  ['module: "fix',                           'fix.yaml:1:13: Missing closing "quote'],
  ['module: fix',                            `fix.yaml:1:1: ${NO_OBJECTS}`],
  ['module: fix\nobjects: []',               `fix.yaml:2:10: ${NO_OBJECTS}`],
  ['module: fix\nobjects: 3',                'fix.yaml:2:10: objects: must be a list, not a number'],
  ['objects: [{name: vmlinux}]',             'fix.yaml:1:1: module: is missing'],
  ['module: a.b\nobjects: [{name: vmlinux}]', 'fix.yaml:1:9: module: must have letters, digits, _ and - only'],
  ['module: fix\nobjects: [{name: vmlinux}]\nreplace: true', `fix.yaml:3:1: replace: unknown key: allowed are ${MANIFEST_KEYS}`],
  ['module: fix\nobjects: [{name: vmlinux}]\nstates: []\nfunctions: []',
    `fix.yaml:3:1: states: unknown key: allowed are ${MANIFEST_KEYS}`,
    `fix.yaml:4:1: functions: unknown key: allowed are ${MANIFEST_KEYS}`],
  ['module: fix\nobjects: [{name: vmlinux}]\nlivepatch: false', 'fix.yaml:3:12: livepatch: must be true: plain modules belong into a machine description'],
  ['module: fix\nmodule: fox\nobjects: [{name: vmlinux}]', "fix.yaml:2:1: 'module' is given twice, first on line 1"],
  [withObject('{name: ""}'),                 'fix.yaml:2:18: objects[0].name: must not be empty'],
  [withObject('{funcs: []}'),                'fix.yaml:2:11: objects[0].name: is missing'],
  [withObject('{name: a, symbols: []}'),     'fix.yaml:2:21: objects[0].symbols: unknown key: allowed are name, callbacks, funcs'],
  [withObject('{name: a, funcs: [{new_name: b}]}'),      'fix.yaml:2:29: objects[0].funcs[0].old_name: is missing'],
  [withObject('{name: a, funcs: [{old_name: b, nop: true}]}'), `fix.yaml:2:43: objects[0].funcs[0].nop: unknown key: allowed are ${FUNC_KEYS}`],
  [withObject('{name: a, funcs: [{old_name: b, sympos: -1}]}'), 'fix.yaml:2:51: objects[0].funcs[0].sympos: must be an integer from 0 to 2147483647'],
  [withObject('{name: a, funcs: [{old_name: b, returns: x}]}'), 'fix.yaml:2:52: objects[0].funcs[0].returns: must be an integer from -2147483648 to 2147483647'],
  [withObject('{name: a, callbacks: {init: []}}'), 'fix.yaml:2:33: objects[0].callbacks.init: unknown key: allowed are pre_patch, post_patch, pre_unpatch, post_unpatch'],
  [withObject('{name: a, callbacks: {pre_patch: [{return: 1}]}}'),     `fix.yaml:2:54: objects[0].callbacks.pre_patch[0].return: ${ERRNO}`],
  [withObject('{name: a, callbacks: {pre_patch: [{return: ENOSUCH}]}}'), `fix.yaml:2:54: objects[0].callbacks.pre_patch[0].return: ${ERRNO}`],
  [withObject('{name: a, callbacks: {pre_patch: [{return: -9999}]}}'), `fix.yaml:2:54: objects[0].callbacks.pre_patch[0].return: ${ERRNO}`],
  [withObject('{name: a, callbacks: {post_patch: [{return: 0}]}}'),    'fix.yaml:2:47: objects[0].callbacks.post_patch[0].return: unknown key: allowed are log, sleep'],
  [withObject('{name: a, callbacks: {post_patch: [{log: a, sleep: 1s}]}}'), 'fix.yaml:2:46: objects[0].callbacks.post_patch[0]: must have exactly one of log, sleep; it has log and sleep'],
  [withObject('{name: a, callbacks: {post_patch: [{sleep: -1s}]}}'),   'fix.yaml:2:54: objects[0].callbacks.post_patch[0].sleep: -1s is negative: time goes forward only'],
  [withObject('{name: a, callbacks: {post_patch: [{sleep: never}]}}'), 'fix.yaml:2:54: objects[0].callbacks.post_patch[0].sleep: must be forever, or a duration such as 500ms or 1.5s (units: us, ms, s, m)'],
])('%s', (text, ...complaints) => {
  expect(refusalOf(text)).toEqual(complaints);
});

const LONG = 'a'.repeat(60);

/** They are wrong, but it is the kernel that says so. */
// biome-ignore format: the columns are the point
test.each<[what: string, object: string, release: Release, answer: string]>([
  ['a function that nothing has',   '{name: vmlinux, funcs: [{old_name: no_such_function}]}', '4.15', 'EINVAL'],
  ['a function twice',              '{name: vmlinux, funcs: [{old_name: cmdline_proc_show}, {old_name: cmdline_proc_show}]}', '4.15', 'EEXIST'],
  ['an object twice',               '{name: vmlinux}, {name: vmlinux}', '4.15', 'EEXIST'],
  ['an object of 60 characters',    `{name: ${LONG}}`, '4.15', 'ok'],
  ['an object of 60 characters',    `{name: ${LONG}}`, '6.1', 'EINVAL'],
])('%s is for the kernel to judge', (_, object, release, answer) => {
  const machine = new Machine({ release, modules: [parseManifest(withObject(object), 'fix.yaml')] });
  expect(machine.insmod('fix')).toBe(answer);
});

test.each(['fs/nfsd', LONG])('%s can be the name of an object and of a function', (name) => {
  const text = withObject(`{name: ${name}, funcs: [{old_name: ${name}}]}`);
  expect(parseManifest(text, 'fix.yaml').patch?.objects).toMatchObject([
    { name, funcs: [{ oldName: name, newFunction: { name: `livepatch_${name}` } }] },
  ]);
});

const FULL = `
module: livepatch-nfs-fix
livepatch: true
immediate: true
depends: [nfsd]
intree: true
parameters: {pre_patch_ret: {type: int, default: -5, mode: "0600"}, note: {type: string}}
objects:
  - name: vmlinux
    callbacks:
      pre_patch: [{log: about to patch}]
      post_unpatch: [{log: gone}]
    funcs:
      - {old_name: cmdline_proc_show, output: "fixed\\n", log: called}
  - name: nfsd
    funcs: [{old_name: nfsd_open, new_name: nfsd_open_fixed, sympos: 2, immediate: true, returns: -3}]
`;

test('a manifest says all that a module definition has', () => {
  const manifest = parseManifest(FULL, 'fix.yaml');
  expect(manifest).toMatchObject({
    name: 'livepatch_nfs_fix',
    livepatch: true,
    intree: true,
    depends: ['nfsd'],
    parameters: [
      { name: 'pre_patch_ret', type: 'int', default: -5, mode: 0o600 },
      { name: 'note', type: 'string', default: '', mode: 0o444 },
    ],
    functions: [{ name: 'livepatch_cmdline_proc_show' }, { name: 'nfsd_open_fixed' }],
    patch: {
      immediate: true,
      objects: [
        { name: undefined, funcs: [{ oldName: 'cmdline_proc_show', sympos: 0, immediate: false }] },
        { name: 'nfsd', funcs: [{ oldName: 'nfsd_open', sympos: 2, immediate: true }] },
      ],
    },
  });
});

test('a function body logs, shows and returns', () => {
  const machine = new Machine();
  const { functions } = parseManifest(FULL, 'fix.yaml');
  const seq = { text: 'before ' };
  expect(functions.map(({ body }) => body?.({ kernel: machine.kernel, seq }))).toEqual([0, -3]);
  expect(seq.text).toBe('before fixed\n');
  expect(machine.kernel.log.records.at(-1)).toMatchObject({
    priority: 6,
    text: 'livepatch_nfs_fix: called',
  });
});

test('callbacks log in the order of the patch', () => {
  const text = `
module: fix
objects:
  - name: vmlinux
    callbacks: {pre_patch: [{log: one}, {return: 0}, {log: never}], post_patch: [{log: two}],
                pre_unpatch: [{log: three}], post_unpatch: [{log: four}]}
    funcs: [{old_name: cmdline_proc_show, output: "fixed\\n"}]`;
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml')] });
  const logged = () =>
    machine.dmesg().filter((line) => /^fix: (one|two|three|four|never)$/.test(line));
  expect(machine.insmod('fix')).toBe('ok');
  machine.advance(3000);
  expect(logged()).toEqual(['fix: one', 'fix: two']);
  expect(machine.cat('proc/cmdline')).toBe('fixed');
  expect(machine.echo('0', 'fix/enabled')).toBe('ok');
  machine.advance(3000);
  expect(logged()).toEqual(['fix: three', 'fix: four']);
});

test.each(['-19', '-ENODEV', 'ENODEV'])('pre_patch refuses with %s', (errno) => {
  const text = withObject(`{name: vmlinux, callbacks: {pre_patch: [{return: ${errno}}]}}`);
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml')] });
  expect(machine.insmod('fix')).toBe('ENODEV');
});

test('a callback sleeps as long as it says, and nobody can interrupt it', () => {
  const steps = '[{sleep: 2ms}, {return: EINVAL}]';
  const text = withObject(`{name: vmlinux, callbacks: {pre_patch: ${steps}}}`);
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml')] });
  const insmod = machine.startWrite('fix', 'control/insmod');
  machine.advance(1.9);
  expect(insmod.answer).toBe('pending');
  const { tasks } = machine.kernel;
  expect(runStateOf(tasks, findTask(tasks, machine.pidOfClient()) ?? -1)).toBe('uninterruptible');
  machine.advance(0.1);
  expect(insmod.answer).toBe('EINVAL');
});

test('a callback that sleeps forever never answers', () => {
  const text = withObject('{name: vmlinux, callbacks: {pre_patch: [{sleep: forever}]}}');
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml')] });
  const insmod = machine.startWrite('fix', 'control/insmod');
  machine.advance(1_000_000);
  expect(insmod.answer).toBe('pending');
});

test('what a manifest does not say is as plain as can be', () => {
  expect(parseManifest(withObject('{name: vmlinux}'), 'fix.yaml')).toMatchObject({
    intree: false,
    depends: [],
    parameters: [],
    functions: [],
    patch: { immediate: false, objects: [{ name: undefined, funcs: [] }] },
  });
});

test('a manifest patches the n-th function of a module by sympos', () => {
  const nfsd = aModule({ name: 'nfsd', functions: [{ name: 'nfsd_open' }, { name: 'nfsd_open' }] });
  const text = withObject('{name: nfsd, funcs: [{old_name: nfsd_open, sympos: 2}]}');
  const machine = new Machine({ modules: [nfsd, parseManifest(text, 'fix.yaml')] });
  machine.insmod('nfsd');
  expect(machine.insmod('fix')).toBe('ok');
  expect(machine.ls('sys/kernel/livepatch/fix/nfsd')).toContain('nfsd_open,2');
});

/** Patch manifests: what is refused and where, and what the accepted ones do. */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { callFunction } from '../../src/engine/call.ts';
import { lookupName } from '../../src/engine/kallsyms.ts';
import { findTask, runStateOf } from '../../src/engine/sched/task.ts';
import { MachineError } from '../../src/machine/machineError.ts';
import { parseManifest } from '../../src/machine/manifest.ts';
import { Machine } from '../support/machine.ts';
import { aModule } from '../support/modules.ts';

function refusalOf(text: string): string[] {
  try {
    parseManifest(text, 'fix.yaml', '4.15');
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
const MANIFEST_KEYS =
  'module, livepatch, description, immediate, replace, states, depends, parameters, variables, intree, objects';
const FUNC_KEYS = 'old_name, new_name, sympos, immediate, output, returns, log, steps';
const ERRNO = 'must be 0, or a negative errno such as -19 or -ENODEV, or $NAME';
const ACTIONS =
  'log, sleep, set, add, shadow_alloc, shadow_get_or_alloc, shadow_get, shadow_set, shadow_free, shadow_free_all';

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
  ['module: fix\nobjects: [{name: vmlinux}]\nreplace: yes', 'fix.yaml:3:10: replace: must be true or false, not a string'],
  ['module: fix\nobjects: [{name: vmlinux}]\nstates: [{id: 0, version: 1}]', 'fix.yaml:3:15: states[0].id: must be an integer from 1 to 9007199254740991'],
  ['module: fix\nobjects: [{name: vmlinux}]\nreplace: true\nstates: [{id: 1, version: 1}]',
    "fix.yaml:3:1: replace: Linux 4.15 has no 'replace': it came with 5.1",
    "fix.yaml:4:1: states: Linux 4.15 has no 'states': it came with 5.5"],
  ['module: fix\nobjects: [{name: vmlinux}]\nreplace: false\nstates: []\nfunctions: []',
    `fix.yaml:5:1: functions: unknown key: allowed are ${MANIFEST_KEYS}`],
  ['module: fix\nobjects: [{name: vmlinux}]\nlivepatch: false', 'fix.yaml:3:12: livepatch: must be true: plain modules belong into a machine description'],
  ['module: fix\nmodule: fox\nobjects: [{name: vmlinux}]', "fix.yaml:2:1: 'module' is given twice, first on line 1"],
  [withObject('{name: ""}'),                 'fix.yaml:2:18: objects[0].name: must not be empty'],
  [withObject('{funcs: []}'),                'fix.yaml:2:11: objects[0].name: is missing'],
  [withObject('{name: a, symbols: []}'),     'fix.yaml:2:21: objects[0].symbols: unknown key: allowed are name, callbacks, funcs'],
  [withObject('{name: a, funcs: [{new_name: b}]}'),      'fix.yaml:2:29: objects[0].funcs[0].old_name: is missing'],
  [withObject('{name: a, funcs: [{old_name: b, nop: true}]}'), `fix.yaml:2:43: objects[0].funcs[0].nop: unknown key: allowed are ${FUNC_KEYS}`],
  [withObject('{name: a, funcs: [{old_name: b, sympos: -1}]}'), 'fix.yaml:2:51: objects[0].funcs[0].sympos: must be an integer from 0 to 2147483647'],
  [withObject('{name: a, funcs: [{old_name: b, returns: x}]}'), 'fix.yaml:2:52: objects[0].funcs[0].returns: must be an integer from -2147483648 to 2147483647, or $NAME'],
  [withObject('{name: a, callbacks: {init: []}}'), 'fix.yaml:2:33: objects[0].callbacks.init: unknown key: allowed are pre_patch, post_patch, pre_unpatch, post_unpatch'],
  [withObject('{name: a, callbacks: {pre_patch: [{return: 1}]}}'),     `fix.yaml:2:54: objects[0].callbacks.pre_patch[0].return: ${ERRNO}`],
  [withObject('{name: a, callbacks: {pre_patch: [{return: ENOSUCH}]}}'), `fix.yaml:2:54: objects[0].callbacks.pre_patch[0].return: ${ERRNO}`],
  [withObject('{name: a, callbacks: {pre_patch: [{return: -9999}]}}'), `fix.yaml:2:54: objects[0].callbacks.pre_patch[0].return: ${ERRNO}`],
  [withObject('{name: a, callbacks: {post_patch: [{return: 0}]}}'),    `fix.yaml:2:47: objects[0].callbacks.post_patch[0].return: unknown key: allowed are ${ACTIONS}`],
  [withObject('{name: a, callbacks: {post_patch: [{log: a, sleep: 1s}]}}'), `fix.yaml:2:46: objects[0].callbacks.post_patch[0]: must have exactly one of ${ACTIONS}; it has log and sleep`],
  [withObject('{name: a, callbacks: {post_patch: [{sleep: -1s}]}}'),   'fix.yaml:2:54: objects[0].callbacks.post_patch[0].sleep: -1s is negative: time goes forward only'],
  [withObject('{name: a, callbacks: {post_patch: [{sleep: never}]}}'), 'fix.yaml:2:54: objects[0].callbacks.post_patch[0].sleep: must be forever, or a duration such as 500ms or 1.5s (units: us, ms, s, m)'],
])('%s', (text, ...complaints) => {
  expect(refusalOf(text)).toEqual(complaints);
});

test('a word that a release has no more is named where it stands', () => {
  const text = withObject('{name: vmlinux, funcs: [{old_name: f, immediate: true}]}');
  expect(() => parseManifest(text, 'fix.yaml', '6.1')).toThrow(
    "fix.yaml:2:49: objects[0].funcs[0].immediate: Linux 6.1 has no 'immediate': it came with 4.12 and went with 4.16",
  );
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
  const machine = new Machine({ release, modules: [parseManifest(withObject(object), 'fix.yaml', release)] });
  expect(machine.insmod('fix')).toBe(answer);
});

test.each(['fs/nfsd', LONG])('%s can be the name of an object and of a function', (name) => {
  const text = withObject(`{name: ${name}, funcs: [{old_name: ${name}}]}`);
  expect(parseManifest(text, 'fix.yaml', '4.15').patch?.objects).toMatchObject([
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
  const manifest = parseManifest(FULL, 'fix.yaml', '4.15');
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

test('a function body logs and shows', () => {
  const nfsd = aModule({ name: 'nfsd', functions: [{ name: 'nfsd_open' }, { name: 'nfsd_open' }] });
  const modules = [nfsd, parseManifest(FULL, 'fix.yaml', '4.15')];
  const machine = new Machine({ modules });
  machine.insmod('nfsd');
  expect(machine.insmod('livepatch-nfs-fix')).toBe('ok');
  expect(machine.cat('proc/cmdline')).toBe('fixed');
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
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml', '4.15')] });
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
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml', '4.15')] });
  expect(machine.insmod('fix')).toBe('ENODEV');
});

test('a callback sleeps as long as it says, and nobody can interrupt it', () => {
  const steps = '[{sleep: 2ms}, {return: EINVAL}]';
  const text = withObject(`{name: vmlinux, callbacks: {pre_patch: ${steps}}}`);
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml', '4.15')] });
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
  const machine = new Machine({ modules: [parseManifest(text, 'fix.yaml', '4.15')] });
  const insmod = machine.startWrite('fix', 'control/insmod');
  machine.advance(1_000_000);
  expect(insmod.answer).toBe('pending');
});

test('what a manifest does not say is as plain as can be', () => {
  expect(parseManifest(withObject('{name: vmlinux}'), 'fix.yaml', '4.15')).toMatchObject({
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
  const machine = new Machine({ modules: [nfsd, parseManifest(text, 'fix.yaml', '4.15')] });
  machine.insmod('nfsd');
  expect(machine.insmod('fix')).toBe('ok');
  expect(machine.ls('sys/kernel/livepatch/fix/nfsd')).toContain('nfsd_open,2');
});

/** Calls a function of a machine, and answers what it returns. */
function call(machine: Machine, name: string) {
  const code = lookupName(machine.kernel.kallsyms, name);
  return machine.finish(callFunction(machine.kernel, code ?? expect.fail(name)));
}

const withSteps = (callbacks: string, steps: string) => `
module: fix
parameters: {limit: {type: int, default: 3, mode: "0644"}, on: {type: bool}, who: {type: string}}
variables: {calls: 0, found: -1}
objects:
  - name: vmlinux
    callbacks: ${callbacks}
    funcs: [{old_name: f, steps: ${steps}, returns: $calls}, {old_name: cmdline_proc_show, new_name: show, output: "$calls of $limit, $found, $on, $who, $5\\n"}]
`;

function machineFrom(callbacks: string, steps = '[]', ...words: string[]): Machine {
  const modules = [parseManifest(withSteps(callbacks, steps), 'fix.yaml', '4.15')];
  const machine = new Machine({ modules, functions: [{ name: 'f' }] });
  expect(machine.insmod('fix', ...words)).toBe('ok');
  return machine;
}

test('a function counts its calls, returns the number, and shows it in a file', () => {
  const machine = machineFrom('{}', '[{add: {calls: 1}}]', 'limit=7', 'who=me');
  expect([call(machine, 'f'), call(machine, 'f')]).toEqual([1, 2]);
  expect(machine.cat('proc/cmdline')).toBe('2 of 7, -1, false, me, $5');
  machine.rmmod('fix');
});

test('variables begin anew when the module is loaded anew', () => {
  const machine = machineFrom('{}', '[{add: {calls: 1}}]');
  call(machine, 'f');
  machine.echo('0', 'fix/enabled');
  expect([machine.rmmod('fix'), machine.insmod('fix')]).toEqual(['ok', 'ok']);
  expect(machine.cat('proc/cmdline')).toMatch(/^0 of 3/);
});

test('a parameter that user space writes is what the function returns', () => {
  const machine = machineFrom('{}', '[{return: $limit}]');
  expect(call(machine, 'f')).toBe(3);
  machine.echo('12', 'sys/module/fix/parameters/limit');
  expect(call(machine, 'f')).toBe(12);
});

test('a callback sets parameters, and knows its object', () => {
  const machine = machineFrom(
    '{pre_patch: [{set: {limit: 9, on: 1}}, {log: "$object, $limit"}], post_patch: [{set: {found: $limit}}]}',
  );
  expect(machine.dmesg()).toContain('fix: vmlinux, 9');
  expect(machine.cat('proc/cmdline')).toBe('0 of 9, 9, true, , $5');
  expect(machine.cat('sys/module/fix/parameters/on')).toBe('Y');
});

test('pre_patch returns a parameter', () => {
  const text = withSteps('{pre_patch: [{return: $limit}]}', '[]');
  const machine = new Machine({
    modules: [parseManifest(text, 'fix.yaml', '4.15')],
    functions: [{ name: 'f' }],
  });
  expect(machine.insmod('fix', 'limit=-19')).toBe('ENODEV');
  expect(machine.insmod('fix', 'limit=0')).toBe('ok');
});

test('shadow variables outlive the patch that made them, until somebody frees them all', () => {
  const machine = machineFrom(
    '{post_patch: [{shadow_get_or_alloc: {object: nginx, id: 1, value: 40}}, {shadow_alloc: {object: cron, id: 1}}]}',
    '[{shadow_get: {object: nginx, id: 1, into: calls, missing: -7}}, {add: {calls: 1}}, {shadow_set: {object: nginx, id: 1, value: $calls}}]',
  );
  expect([call(machine, 'f'), call(machine, 'f')]).toEqual([41, 42]);
  machine.echo('0', 'fix/enabled');
  machine.dmesg();
  machine.echo('1', 'fix/enabled');
  expect(machine.dmesg()).toContainEqual(
    expect.stringMatching(/^Duplicate shadow variable <0{8}[0-9a-f]{8}, 1>$/),
  );
  expect(call(machine, 'f')).toBe(43);
});

test.each(['{shadow_free: {object: nginx, id: 1}}', '{shadow_free_all: 1}'])(
  '%s frees it',
  (free) => {
    const machine = machineFrom(
      '{pre_patch: [{shadow_alloc: {object: nginx, id: 1, value: 40}}]}',
      `[{shadow_get: {object: nginx, id: 1, into: calls, missing: -7}}, ${free}]`,
    );
    expect([call(machine, 'f'), call(machine, 'f')]).toEqual([40, -7]);
  },
);

// biome-ignore format: the columns are the point
test.each<[callbacks: string, steps: string, ...complaints: string[]]>([
  ['{pre_patch: [{return: $limt}]}', '[]',            "7:38: objects[0].callbacks.pre_patch[0].return: there is no variable 'limt' (did you mean 'limit'?)"],
  ['{post_patch: [{set: {x: 1}}]}',  '[]',            "7:40: objects[0].callbacks.post_patch[0].set.x: there is no variable 'x'"],
  ['{}', '[{add: {who: 1}}]',                         "8:47: objects[0].funcs[0].steps[0].add.who: there is no variable 'who'"],
  ['{}', '[{return: x}]',                             '8:44: objects[0].funcs[0].steps[0].return: must be an integer from -2147483648 to 2147483647, or $NAME'],
  ['{}', '[{shadow_get: {object: a, id: 1}}]',        '8:48: objects[0].funcs[0].steps[0].shadow_get.into: is missing'],
])('%s %s is refused', (callbacks, steps, ...complaints) => {
  expect(refusalOf(withSteps(callbacks, steps))).toEqual(complaints.map((text) => `fix.yaml:${text}`));
});

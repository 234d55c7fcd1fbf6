/**
 * Bad input is refused with Linux's errno and Linux's words, and leaves no trace: every file that
 * can be read says the same before and after.
 *
 * Source: recording 06a-failures; 4.15 core.c:__klp_enable_patch(), klp_module_coming().
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import type { ObjectDefinition } from '../../src/engine/livepatch/model.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';
import { observe } from '../support/observer.ts';
import { sleeperIn } from '../support/tasks.ts';

const patchOf = (name: string, ...objects: ObjectDefinition[]) =>
  aModule({ name, patch: aPatch(objects) });
const refusing = (returned: number) => ({ prePatch: () => returned });
const inTarget = (oldName: string, callbacks = {}) =>
  anObject({ name: 'target', funcs: [aFunc(oldName, '')], callbacks });

const MODULES: readonly ModuleDefinition[] = [
  cmdlinePatch('good'),
  patchOf('on_f', anObject({ funcs: [aFunc('f', '')] })),
  patchOf('missing', anObject({ funcs: [aFunc('nosuch', '')] })),
  patchOf('ambiguous', anObject({ funcs: [aFunc('twice', '')] })),
  patchOf('beyond', anObject({ funcs: [aFunc('twice', '', { sympos: 99 })] })),
  patchOf('second', anObject({ funcs: [aFunc('f', '', { sympos: 2 })] })),
  patchOf('notrace', anObject({ funcs: [aFunc('f', ''), aFunc('notrace', '')] })),
  patchOf('refuses', anObject({ callbacks: refusing(-19) })),
  patchOf('restarts', anObject({ callbacks: refusing(-512) })),
  patchOf('late', anObject({ funcs: [aFunc('f', '')] }), inTarget('in_target', refusing(-16))),
  patchOf('long', anObject({ name: 'm'.repeat(56), funcs: [aFunc('f', '')] })),
  patchOf('dup', anObject({ funcs: [aFunc('f', ''), aFunc('f', '', { sympos: 1 })] })),
  patchOf('duo', anObject({ name: 'm', funcs: [] }), anObject({ name: 'm', funcs: [] })),
  { ...patchOf('unmarked', anObject()), livepatch: false },
  patchOf('wants_nosuch', inTarget('nosuch')),
  patchOf('wants_notrace', inTarget('target_notrace')),
  patchOf('wants_target', inTarget('in_target', refusing(-19))),
  patchOf('takes_target', inTarget('in_target')),
  aModule({
    name: 'target',
    intree: true,
    functions: [{ name: 'in_target' }, { name: 'target_notrace', traceable: false }],
  }),
  aModule({ name: 'vmlinux' }),
  aModule({ name: 'number', parameters: [{ name: 'n', type: 'int', default: 0, mode: 0o644 }] }),
];

/** With tasks, so that there are stacks and states to be seen; modules of before are loaded. */
function machineWith(release: Release, before: readonly string[]): Machine {
  const machine = new Machine({
    release,
    functions: [
      { name: 'f' },
      { name: 'twice' },
      { name: 'twice' },
      { name: 'notrace', traceable: false },
    ],
    modules: MODULES,
  });
  sleeperIn(machine, 'f');
  // What is printed and tainted once is over then.
  machine.insmod('refuses');
  for (const name of before) {
    expect(machine.insmod(name)).toBe('ok');
    machine.advance(3000);
  }
  machine.dmesg();
  return machine;
}

const klp = (...lines: string[]) => lines.map((line) => `livepatch: ${line}`);
const enabling = (name: string) => `enabling patch '${name}'`;
const failed = (name: string) => `failed to enable patch '${name}'`;
const undone = (name: string) => `'${name}': unpatching complete`;
const refused = (patch: string) =>
  `patch '${patch}' failed for module 'target', refusing to load module 'target'`;
const duplicate = (path: string) => [
  `sysfs: cannot create duplicate filename '/kernel/livepatch/${path}'`,
  `kobject_add_internal failed for ${path.replace(/.*\//, '')} with -EEXIST, don't try to register things with the same name in the same directory.`,
];

// biome-ignore format: the columns are the point
test.each<[Release, before: string[], insmod: string, answer: string, log: string[]]>([
  // 15: symbols
  ['6.1',  [], 'missing',   'EINVAL', klp("symbol 'nosuch' not found in symbol table")],
  ['6.1',  [], 'ambiguous', 'EINVAL', klp("unresolvable ambiguity for symbol 'twice' in object '(null)'")],
  ['6.1',  [], 'beyond',    'EINVAL', klp("symbol position 99 for symbol 'twice' in object 'vmlinux' not found")],
  ['6.1',  [], 'second',    'EINVAL', klp("symbol position 2 for symbol 'f' in object 'vmlinux' not found")],
  ['4.15', [], 'missing',   'EINVAL', klp("symbol 'nosuch' not found in symbol table")],
  ['6.1',  ['target'], 'wants_nosuch', 'EINVAL', klp("symbol 'nosuch' not found in symbol table")],
  // Enabling
  ['6.1',  [], 'notrace',   'EINVAL', klp(enabling('notrace'), "failed to find location for function 'notrace'", "failed to patch object 'vmlinux'", failed('notrace'), undone('notrace'))],
  ['4.15', [], 'notrace',   'EINVAL', klp(enabling('notrace'), "failed to set ftrace filter for function 'notrace' (-22)", "failed to patch object 'vmlinux'", failed('notrace'), undone('notrace'))],
  ['6.1',  [], 'refuses',   'ENODEV', klp(enabling('refuses'), "pre-patch callback failed for object 'vmlinux'", failed('refuses'), undone('refuses'))],
  ['4.15', [], 'refuses',   'ENODEV', klp(enabling('refuses'), "pre-patch callback failed for object 'vmlinux'", failed('refuses'), undone('refuses'))],
  ['6.1',  [], 'restarts',  'EINVAL', klp(enabling('restarts'), "pre-patch callback failed for object 'vmlinux'", failed('restarts'), undone('restarts'))],
  ['6.1',  ['target'], 'late', 'EBUSY', klp(enabling('late'), "pre-patch callback failed for object 'target'", failed('late'), undone('late'))],
  ['6.1',  [], 'long',      'EINVAL', []],
  ['6.1',  [], 'unmarked',  'EINVAL', klp('module unmarked is not marked as a livepatch module')],
  ['6.1',  [], 'dup',       'EEXIST', duplicate('dup/vmlinux/f,1')],
  ['6.1',  [], 'duo',       'EEXIST', duplicate('duo/m')],
  ['4.15', [], 'dup',       'EEXIST', duplicate('dup/vmlinux/f,1')],
  ['6.1',  ['on_f'], 'good', 'EBUSY', []],
  ['6.1',  ['good'], 'good', 'EEXIST', []],
  // 10.2: a module that comes
  ['6.1',  ['takes_target', 'wants_nosuch'], 'target', 'EINVAL', [
    ...klp("applying patch 'takes_target' to loading module 'target'", "symbol 'nosuch' not found in symbol table", "failed to initialize patch 'wants_nosuch' for module 'target' (-22)", refused('wants_nosuch')),
    ...klp("reverting patch 'takes_target' on unloading module 'target'")]],
  ['6.1',  ['wants_notrace'], 'target', 'EINVAL', klp("applying patch 'wants_notrace' to loading module 'target'", "failed to find location for function 'target_notrace'", "failed to apply patch 'wants_notrace' to module 'target' (-22)", refused('wants_notrace'))],
  ['6.1',  ['wants_target'], 'target', 'ENODEV', klp("applying patch 'wants_target' to loading module 'target'", "pre-patch callback failed for object 'target'", refused('wants_target'))],
  ['4.15', ['wants_target'], 'target', 'ENODEV', klp("applying patch 'wants_target' to loading module 'target'", "pre-patch callback failed for object 'target'", refused('wants_target'))],
  ['6.1',  [], 'vmlinux',   'EINVAL', klp('vmlinux.ko: invalid module name')],
  // Parameters
  ['6.1',  [], 'number n=abc', 'EINVAL', ["number: `abc' invalid for parameter `n'"]],
  ['6.1',  [], 'number n=',    'EINVAL', ["number: `' invalid for parameter `n'"]],
  ['6.1',  [], 'number n',     'EINVAL', ["number: `' invalid for parameter `n'"]],
])('%s, with %j loaded: insmod %s is %s', (release, before, request, answer, log) => {
  const machine = machineWith(release, before);
  const seen = [...observe(machine, ['4242'])];
  for (const attempt of ['first', 'second']) {
    expect([attempt, machine.insmod(...request.split(' '))]).toEqual([attempt, answer]);
    expect(machine.dmesg()).toEqual(log);
    expect([...observe(machine, ['4242'])]).toEqual(seen);
  }
});

// biome-ignore format: the columns are the point
test.each<[Release, before: string[], value: string, path: string, answer: string]>([
  ['6.1',  ['good'], '1',  'good/enabled',   'EINVAL'],
  ['6.1',  ['good'], 'x',  'good/enabled',   'EINVAL'],
  ['6.1',  ['good'], '1',  'good/force',     'EINVAL'],
  ['6.1',  ['good'], 'x',  'good/force',     'EINVAL'],
  ['6.1',  ['good', 'on_f'], '0', 'good/enabled', 'EBUSY'],
  ['6.1',  ['good', 'on_f'], '1', 'good/enabled', 'EINVAL'],
  ['4.15', ['good', 'on_f'], '0', 'good/enabled', 'EBUSY'],
  ['4.15', ['good'], '1',  'good/enabled',   'EINVAL'],
  ['6.1',  ['number'], 'abc', 'sys/module/number/parameters/n', 'EINVAL'],
  ['6.1',  ['good'], '0',  'proc/sys/kernel/ftrace_enabled', 'EBUSY'],
])('%s, with %j loaded: writing %j to %s is %s', (release, before, value, path, answer) => {
  const machine = machineWith(release, before);
  const seen = [...observe(machine, ['4242'])];
  expect(machine.echo(value, path)).toBe(answer);
  expect(machine.dmesg()).toEqual([]);
  expect([...observe(machine, ['4242'])]).toEqual(seen);
});

/** Tried on Debian's 6.1, too: livepatch-callbacks-demo with pre_patch_ret=5. */
test('a positive number from pre_patch is no error for the module loader', () => {
  const demo = 'livepatch_callbacks_demo';
  const machine = new Machine({
    release: '6.1',
    modules: [patchOf(demo, anObject({ callbacks: refusing(5) }))],
  });
  expect(machine.insmod(demo)).toBe('ok');
  expect(machine.dmesg().slice(3)).toEqual([
    ...klp(
      enabling(demo),
      "pre-patch callback failed for object 'vmlinux'",
      failed(demo),
      undone(demo),
    ),
    `do_init_module: '${demo}'->init suspiciously returned 5, it should follow 0/-E convention\ndo_init_module: loading module anyway...`,
  ]);
  expect(machine.ls('sys/kernel/livepatch')).toEqual([]);
  expect(machine.cat(`sys/module/${demo}/initstate`)).toBe('live');
  expect(machine.cat(`sys/module/${demo}/refcnt`)).toBe('0');
  expect(machine.rmmod(demo)).toBe('ok');
});

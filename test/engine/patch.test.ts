/**
 * Func stacks and the handler's choice; patches that cannot be.
 *
 * Source: kernel/livepatch/{core,patch}.c.
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import type { Code } from '../../src/engine/kallsyms.ts';
import type { ObjectDefinition } from '../../src/engine/livepatch/model.ts';
import { ftraceHandler } from '../../src/engine/livepatch/patch.ts';
import { runToEnd } from '../../src/engine/sched/steps.ts';
import { findTask } from '../../src/engine/sched/task.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch, showing } from '../support/modules.ts';
import { sleeperIn } from '../support/tasks.ts';

// biome-ignore format: the columns are the point
test.each<[patches: string, marked: boolean, state: -1 | 0 | 1, runs: string]>([
  // func stack   top in transition   patch_state   version
  ['p',           false,               -1,          'p'       ],
  ['p',           false,                0,          'p'       ],
  ['p',           true,                 0,          'original'],
  ['p',           true,                 1,          'p'       ],
  ['q over p',    false,               -1,          'q'       ],
  ['q over p',    true,                 0,          'p'       ],
  ['q over p',    true,                 1,          'q'       ],
  ['q over p',    true,                -1,          'q'       ],
])('%s, marked %s: a task in state %i runs %s', (patches, marked, state, runs) => {
  const machine = new Machine({ modules: [cmdlinePatch('p'), cmdlinePatch('q')] });
  machine.insmod('p');
  if (patches === 'q over p') machine.insmod('q');
  const [[original, stack] = []] = [...machine.kernel.livepatch.funcStacks];
  const task = findTask(machine.kernel.tasks, 3);
  if (!stack?.top || task === undefined) throw new Error('a func stack and a task');
  stack.top.transition = marked;
  machine.kernel.tasks.patchState[task] = state;

  const chosen: Code | undefined = runToEnd(ftraceHandler(machine.kernel, task, stack)) ?? original;
  expect(chosen?.module?.name ?? 'original').toBe(runs);
});

test('livepatches of one function share one ops, so they never conflict', () => {
  const machine = new Machine({ modules: [cmdlinePatch('p'), cmdlinePatch('q')] });
  machine.insmod('p');
  machine.insmod('q');
  expect(machine.cat('proc/cmdline')).toBe('q');
  expect(machine.cat('sys/kernel/tracing/enabled_functions')).toMatch(
    /^cmdline_proc_show \(1\) R I\ttramp: 0x[0-9a-f]{16} \(klp_ftrace_handler\+0x0\/0xc0\) ->ftrace_ops_assist_func\+0x0\/0xf0$/,
  );
  machine.echo('0', 'q/enabled');
  expect(machine.cat('proc/cmdline')).toBe('p');
  machine.echo('0', 'p/enabled');
  expect(machine.cat('proc/cmdline')).toBe('quiet');
  expect(machine.cat('sys/kernel/tracing/enabled_functions')).toBe('');
});

test('6.1 disables in any order, and the last one enabled stays visible', () => {
  const machine = new Machine({
    release: '6.1',
    modules: [cmdlinePatch('p'), cmdlinePatch('q')],
  });
  machine.insmod('p');
  machine.insmod('q');
  expect(machine.cat('sys/kernel/tracing/enabled_functions')).toMatch(
    /^cmdline_proc_show \(1\) {3}I {2}\ttramp: 0x[0-9a-f]{16} \(klp_ftrace_handler\+0x0\/0x110\) ->klp_ftrace_handler\+0x0\/0x110$/,
  );
  expect(machine.echo('0', 'p/enabled')).toBe('ok');
  expect(machine.cat('proc/cmdline')).toBe('q');
  expect(machine.ls('')).toEqual(['q']);
});

const loading = "enabling patch 'bad'";
const failed = "failed to enable patch 'bad'";
const undone = "'bad': unpatching complete";

// biome-ignore format: the columns are the point
test.each<[what: string, Release, ObjectDefinition[], answer: string, log: string[]]>([
  ['an unknown function', '4.15', [anObject({ funcs: [aFunc('nosuch', '')] })], 'EINVAL',
    ["symbol 'nosuch' not found in symbol table"]],
  ['a name that exists twice', '4.15', [anObject({ funcs: [aFunc('twice', '')] })], 'EINVAL',
    ["unresolvable ambiguity for symbol 'twice' in object '(null)'"]],
  ['a position beyond the last', '4.15', [anObject({ funcs: [aFunc('twice', '', { sympos: 3 })] })], 'EINVAL',
    ["symbol position 3 for symbol 'twice' in object 'vmlinux' not found"]],
  ['a function that is no call site', '4.15', [anObject({ funcs: [aFunc('notrace', '')] })], 'EINVAL',
    [loading, "failed to set ftrace filter for function 'notrace' (-22)", "failed to patch object 'vmlinux'", failed, undone]],
  ['a function that is no call site', '6.1', [anObject({ funcs: [aFunc('notrace', '')] })], 'EINVAL',
    [loading, "failed to find location for function 'notrace'", "failed to patch object 'vmlinux'", failed, undone]],
  ['pre_patch that fails', '4.15', [anObject({ callbacks: { prePatch: () => -19 } })], 'ENODEV',
    [loading, "pre-patch callback failed for object 'vmlinux'", failed, undone]],
  ['pre_patch that fails', '6.1', [anObject({ callbacks: { prePatch: () => -19 } })], 'ENODEV',
    [loading, "pre-patch callback failed for object 'vmlinux'", failed, undone]],
  ['an object name of 56 characters', '6.1', [anObject({ name: 'm'.repeat(56) })], 'EINVAL', []],
])('%s on %s: %s, and nothing is left', (_what, release, objects, answer, log) => {
  const machine = new Machine({
    release,
    functions: [{ name: 'twice' }, { name: 'twice' }, { name: 'notrace', traceable: false }],
    modules: [aModule({ name: 'bad', patch: aPatch(objects) }), cmdlinePatch('good')],
  });
  machine.insmod('good');
  machine.dmesg();
  const before = machine.tree();

  expect(machine.insmod('bad')).toBe(answer);
  expect(machine.dmesg()).toEqual(log.map((line) => `livepatch: ${line}`));
  machine.advance(3000);
  expect(machine.tree()).toEqual(before);
  expect(machine.insmod('bad')).toBe(answer);
});

test('the same function twice is refused by sysfs', () => {
  const twice = aModule({
    name: 'bad',
    patch: aPatch([
      anObject({
        funcs: [aFunc('cmdline_proc_show', 'a'), aFunc('cmdline_proc_show', 'b', { sympos: 1 })],
      }),
    ]),
  });
  const machine = new Machine({ modules: [twice] });
  const before = machine.tree();
  expect(machine.insmod('bad')).toBe('EEXIST');
  expect(machine.dmesg().slice(-2)).toEqual([
    "sysfs: cannot create duplicate filename '/kernel/livepatch/bad/vmlinux/cmdline_proc_show,1'",
    "kobject_add_internal failed for cmdline_proc_show,1 with -EEXIST, don't try to register things with the same name in the same directory.",
  ]);
  expect(machine.tree()).toEqual(before);
});

test('names: a slash becomes an exclamation mark, 60 characters are legal in 4.15', () => {
  const long = 'm'.repeat(60);
  const machine = new Machine({
    modules: [
      aModule({
        name: 'p',
        patch: aPatch([
          anObject({ name: 'a/b', funcs: [aFunc('x/y', '', { sympos: 2 })] }),
          anObject({ name: long }),
        ]),
      }),
    ],
  });
  expect(machine.insmod('p')).toBe('ok');
  expect(machine.ls('p/a!b')).toEqual(['x!y,2']);
  expect(machine.find(`p/${long}`)?.kind).toBe('directory');
});

test('without the livepatch mark a module cannot register a patch', () => {
  const machine = new Machine({ modules: [{ ...cmdlinePatch('p'), livepatch: false }] });
  expect(machine.insmod('p')).toBe('EINVAL');
  expect(machine.dmesg().at(-1)).toBe('livepatch: module p is not marked as a livepatch module');
  expect(machine.ls('sys/module')).toEqual([]);
});

test('callbacks run in the order of objects, before and after the transition', () => {
  const lines: string[] = [];
  const say = (name: string) => () => {
    lines.push(name);
  };
  const callbacks = (name: string) => ({
    prePatch: () => lines.push(`pre_patch ${name}`) && 0,
    postPatch: say(`post_patch ${name}`),
    preUnpatch: say(`pre_unpatch ${name}`),
    postUnpatch: say(`post_unpatch ${name}`),
  });
  const machine = new Machine({
    functions: [{ name: 'f' }],
    modules: [
      aModule({
        name: 'p',
        patch: aPatch([
          anObject({ callbacks: callbacks('vmlinux'), funcs: [aFunc('f', '')] }),
          anObject({ name: 'target', callbacks: callbacks('target') }),
        ]),
      }),
      aModule({ name: 'target' }),
    ],
  });
  machine.insmod('target');
  machine.insmod('p');
  machine.echo('0', 'p/enabled');
  expect(lines).toEqual([
    'pre_patch vmlinux',
    'pre_patch target',
    'post_patch vmlinux',
    'post_patch target',
    'pre_unpatch vmlinux',
    'pre_unpatch target',
    'post_unpatch vmlinux',
    'post_unpatch target',
  ]);

  lines.length = 0;
  sleeperIn(machine, 'f');
  machine.echo('1', 'p/enabled');
  machine.echo('0', 'p/enabled');
  machine.advance(2000);
  expect(lines).toEqual([
    'pre_patch vmlinux',
    'pre_patch target',
    'post_unpatch vmlinux',
    'post_unpatch target',
  ]);
});

test('a callback that never returns holds the mutex: writers wait, readers do not', () => {
  const stuck = cmdlinePatch('stuck');
  const machine = new Machine({
    modules: [
      cmdlinePatch('p'),
      aModule({
        name: 'stuck',
        functions: stuck.functions,
        patch: aPatch([
          anObject({
            callbacks: {
              *prePatch() {
                yield { kind: 'sleep', state: 'uninterruptible' };
                return 0;
              },
            },
          }),
        ]),
      }),
    ],
  });
  machine.insmod('p');
  const loading = machine.startWrite('stuck', 'control/insmod');
  const disabling = machine.startWrite('0\n', 'p/enabled');
  const removing = machine.startWrite('p', 'control/rmmod');
  machine.advance(60_000);
  expect([loading.answer, disabling.answer, removing.answer]).toEqual([
    'pending',
    'pending',
    'EAGAIN',
  ]);
  expect([machine.cat('p/enabled'), machine.cat('stuck/transition')]).toEqual(['1', '1']);
  expect(machine.cat('proc/cmdline')).toBe('p');

  machine.write(String(machine.pidOfClient()), 'control/wake');
  machine.advance(3000);
  // Now p lies below an enabled patch, so it cannot be disabled.
  expect([loading.answer, disabling.answer]).toEqual(['ok', 'EBUSY']);
});

test('a callback that throws refuses the patch, or is passed over where it cannot refuse', () => {
  const throwing = () => {
    throw new TypeError('oops');
  };
  const patchWith = (name: string, callbacks: ObjectDefinition['callbacks']) =>
    aModule({ name, patch: aPatch([anObject({ callbacks })]) });
  const machine = new Machine({
    modules: [
      patchWith('refuses', { prePatch: throwing }),
      patchWith('stays', { preUnpatch: throwing }),
    ],
  });
  const before = machine.tree();
  expect(() => machine.insmod('refuses')).toThrow('oops');
  expect(machine.tree()).toEqual(before);

  machine.insmod('stays');
  machine.dmesg();
  expect(machine.echo('0', 'stays/enabled')).toBe('ok');
  expect(machine.dmesg()[0]).toBe('klpfs: bug in preUnpatch of vmlinux: TypeError: oops');
  expect([machine.cat('stays/enabled'), machine.rmmod('stays')]).toEqual(['0', 'ok']);
});

test('removing a patch module waits for whoever is in a store() of its files', () => {
  const machine = new Machine({ modules: [cmdlinePatch('p')] });
  machine.insmod('p');
  machine.echo('0', 'p/enabled');
  const directory = machine.kernel.livepatch.patches[0]?.kobject;
  if (!directory) throw new Error('p has a directory');
  directory.activeReferences += 1;
  const removing = machine.startWrite('p', 'control/rmmod');
  expect([removing.answer, machine.ls('')]).toEqual(['pending', []]);
  directory.activeReferences -= 1;
  machine.write(String(machine.pidOfClient()), 'control/wake');
  machine.advance(0);
  expect([removing.answer, machine.ls('sys/module')]).toEqual(['ok', []]);
});

test('a write that waited while the patch was unregistered is refused', () => {
  const machine = new Machine({
    modules: [
      cmdlinePatch('p'),
      aModule({
        name: 'stuck',
        patch: aPatch([
          anObject({
            callbacks: {
              *preUnpatch() {
                yield { kind: 'sleep', state: 'uninterruptible' };
              },
            },
          }),
        ]),
      }),
    ],
  });
  machine.insmod('stuck');
  machine.insmod('p');
  machine.echo('0', 'p/enabled');
  machine.startWrite('0\n', 'stuck/enabled');
  const stuckPid = machine.pidOfClient();
  const removing = machine.startWrite('p', 'control/rmmod');
  const enabling = machine.startWrite('1\n', 'p/enabled');
  machine.write(String(stuckPid), 'control/wake');
  machine.advance(0);
  expect([removing.answer, enabling.answer]).toEqual(['ok', 'EINVAL']);
  expect(machine.ls('sys/module')).toEqual(['stuck']);
});

test('when one object fails, post_unpatch runs for those whose pre_patch had succeeded', () => {
  const lines: string[] = [];
  const callbacks = (name: string, returned: number) => ({
    prePatch: () => returned,
    postUnpatch: () => {
      lines.push(name);
    },
  });
  const machine = new Machine({
    modules: [
      aModule({
        name: 'p',
        patch: aPatch([
          anObject({ callbacks: callbacks('vmlinux', 0) }),
          anObject({ name: 'first', callbacks: callbacks('first', -16) }),
          anObject({ name: 'second', callbacks: callbacks('second', 0) }),
        ]),
      }),
      aModule({ name: 'first' }),
      aModule({ name: 'second' }),
    ],
  });
  machine.insmod('first');
  machine.insmod('second');
  expect(machine.insmod('p')).toBe('EBUSY');
  expect(lines).toEqual(['vmlinux']);
});

test('a target module gets its patches when it comes, and gives them back when it goes', () => {
  const target = aModule({ name: 'target', functions: [showing('target_fn', 'old')] });
  const machine = new Machine({
    modules: [
      target,
      aModule({
        name: 'p',
        patch: aPatch([anObject({ name: 'target', funcs: [aFunc('target_fn', 'new')] })]),
      }),
    ],
    release: '6.1',
  });
  machine.insmod('p');
  machine.dmesg();
  expect(machine.cat('p/target/patched')).toBe('0');
  expect(machine.insmod('target')).toBe('ok');
  expect(machine.cat('p/target/patched')).toBe('1');
  expect(machine.rmmod('target')).toBe('ok');
  expect(machine.cat('p/target/patched')).toBe('0');
  expect(machine.dmesg()).toEqual([
    "livepatch: applying patch 'p' to loading module 'target'",
    "livepatch: reverting patch 'p' on unloading module 'target'",
  ]);
});

test('a target that cannot be patched is refused, and earlier patches are taken back', () => {
  const bad = (name: string, oldName: string) =>
    aModule({ name, patch: aPatch([anObject({ name: 'target', funcs: [aFunc(oldName, '')] })]) });
  const machine = new Machine({
    modules: [
      aModule({ name: 'target', functions: [{ name: 'there' }] }),
      bad('good', 'there'),
      bad('bad', 'missing'),
    ],
  });
  machine.insmod('good');
  machine.insmod('bad');
  machine.dmesg();
  expect(machine.insmod('target')).toBe('EINVAL');
  expect(machine.dmesg()).toEqual([
    "livepatch: applying patch 'good' to loading module 'target'",
    "livepatch: symbol 'missing' not found in symbol table",
    "livepatch: failed to initialize patch 'bad' for module 'target' (-22)",
    "livepatch: patch 'bad' failed for module 'target', refusing to load module 'target'",
    "livepatch: reverting patch 'good' on unloading module 'target'",
  ]);
  expect(machine.ls('sys/module').sort()).toEqual(['bad', 'good']);
});

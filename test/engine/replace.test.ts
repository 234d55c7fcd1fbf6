/**
 * Atomic replace: what a patch that takes the place of others does to functions, files and modules.
 *
 * Source: livepatch core.c:klp_add_nops(), klp_unpatch_replaced_patches(), klp_discard_nops().
 */
import { expect, test } from 'vitest';
import type { Release } from '../../src/abi/release.ts';
import { forgetPatch } from '../../src/engine/livepatch/core.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';
import { Machine } from '../support/machine.ts';
import { aFunc, aModule, anObject, aPatch, cmdlinePatch } from '../support/modules.ts';
import { sleeperIn } from '../support/tasks.ts';
import { playTranscript } from '../support/transcript.ts';

const CMDLINE = 'cmdline_proc_show';
const MEMINFO = 'meminfo_proc_show';
const TEN_S = 10_000;

/** A patch of functions of vmlinux that show their module's name. */
function patching(name: string, funcs: readonly string[], replace = false): ModuleDefinition {
  const objects = [anObject({ funcs: funcs.map((func) => aFunc(func, `${name}\n`)) })];
  return aModule({ name, patch: aPatch(objects, { replace }) });
}

const target = aModule({ name: 'target', functions: [{ name: 'target_work' }] });
const ofTarget = aModule({
  name: 'of_target',
  patch: aPatch([anObject({ name: 'target', funcs: [aFunc('target_work', '')] })]),
});

function machineWith(release: Release = '6.1', ...more: readonly ModuleDefinition[]): Machine {
  const machine = new Machine({
    release,
    modules: [
      patching('a', [CMDLINE]),
      patching('b', [MEMINFO]),
      patching('c', [MEMINFO], true),
      patching('d', [], true),
      target,
      ofTarget,
      ...more,
    ],
  });
  machine.enableDebugLines();
  machine.dmesg();
  return machine;
}

test.each(['6.1', '6.12', '6.14'] as const)(
  'on %s what the new patch does not touch is as it was before, and the old ones are gone',
  (release) => {
    const machine = machineWith(release);
    machine.insmod('a');
    machine.insmod('b');
    machine.dmesg();
    playTranscript(
      machine,
      `
      $ insmod c
      $ sleep 2
      $ ls
      c
      $ ls c/vmlinux
      meminfo_proc_show,1 patched
      $ cat proc/cmdline proc/meminfo
      quiet
      c
      $ enabled_functions
      ${release === '6.1' ? `${MEMINFO} (1)   I` : `${MEMINFO} (1)   I     M`}
      $ cat sys/module/a/refcnt sys/module/b/refcnt sys/module/c/refcnt
      0
      0
      1
      $ rmmod a
      $ insmod a
      $ sleep 2
      $ cat proc/cmdline
      a
      $ dmesg
      enabling patch 'c'
      'c': initializing patching transition
      'c': starting patching transition
      'c': completing patching transition
      'c': patching complete
      enabling patch 'a'
      'a': initializing patching transition
      'a': starting patching transition
      'a': completing patching transition
      'a': patching complete
    `,
    );
  },
);

test('in the transition nops are there: in sysfs, and for those who have switched', () => {
  const machine = machineWith();
  machine.insmod('a');
  machine.insmod('b');
  machine.advance(TEN_S);
  sleeperIn(machine, MEMINFO);
  machine.dmesg();
  playTranscript(
    machine,
    `
    $ insmod c
    $ ls
    a b c
    $ ls c/vmlinux
    cmdline_proc_show,1 meminfo_proc_show,1 patched
    # A client is a process that has just come back from user space.
    $ cat proc/cmdline
    quiet
    $ echo 0 > a/enabled
    EBUSY
    $ echo 1 > a/enabled
    EINVAL
    $ cat a/enabled a/transition c/enabled c/transition
    1
    0
    1
    1
    $ why
    sleeper sleeping-on meminfo_proc_show
    $ rmmod a
    EAGAIN
  `,
  );
  machine.write('4242', 'control/wake');
  machine.advance(TEN_S);
  expect(machine.ls('c/vmlinux').sort()).toEqual(['meminfo_proc_show,1', 'patched']);
});

test('turned around, the new patch goes with its nops, and the old ones stay', () => {
  const machine = machineWith();
  machine.insmod('a');
  machine.insmod('b');
  machine.advance(TEN_S);
  sleeperIn(machine, MEMINFO);
  machine.insmod('c');
  machine.dmesg();
  playTranscript(
    machine,
    `
    $ echo 0 > c/enabled
    $ sleep 2
    $ ls
    a b
    $ cat a/enabled b/enabled proc/cmdline proc/meminfo
    1
    1
    a
    b
    $ dmesg
    'c': reversing transition from patching to unpatching
    'c': starting unpatching transition
    'c': completing unpatching transition
    'c': unpatching complete
    $ rmmod c
    $ rmmod a
    EAGAIN
  `,
  );
});

test('a patch without functions undoes all that there is', () => {
  const machine = machineWith();
  playTranscript(
    machine,
    `
    $ insmod target
    $ insmod a
    $ insmod of_target
    $ insmod d
    $ sleep 2
    $ ls
    d
    $ ls d
    enabled force transition vmlinux
    $ enabled_functions
    $ cat proc/cmdline
    quiet
    $ echo 0 > d/enabled
    $ sleep 2
    $ ls
    $ rmmod d
    $ rmmod of_target
  `,
  );
});

test('an object that only an older patch has is there for its nops, and goes with them', () => {
  const machine = machineWith();
  machine.insmod('of_target');
  machine.advance(TEN_S);
  machine.insmod('a');
  machine.advance(TEN_S);
  sleeperIn(machine, CMDLINE);
  machine.dmesg();
  playTranscript(
    machine,
    `
    $ insmod c
    $ ls c
    enabled force target transition vmlinux
    $ ls c/target
    patched target_work,1
    $ cat c/target/patched
    0
    # A module that comes in the transition gets them, too.
    $ insmod target
    $ cat c/target/patched of_target/target/patched
    1
    1
    $ wake 4242
    $ sleep 2
    $ ls c
    enabled force transition vmlinux
    $ dmesg
    enabling patch 'c'
    'c': initializing patching transition
    'c': starting patching transition
    klp_try_switch_task: sleeper:4242 is sleeping on function cmdline_proc_show
    applying patch 'of_target' to loading module 'target'
    applying patch 'c' to loading module 'target'
    'c': completing patching transition
    'c': patching complete
  `,
  );
  machine.rmmod('target');
  expect(machine.dmesg()).toEqual([]);
});

// biome-ignore format: the columns are the point
test.each<[Release, answer: string]>([
  // 0 is "the only one", and 1 the first: one function, unless a kernel takes them for two.
  ['6.1',  'ok'    ],
  ['6.12', 'ok'    ],
  ['6.14', 'EEXIST'],
])('on %s a function that is named by its position replaces one that is not: %s', (release, answer) => {
  const funcs = [aFunc(CMDLINE, 'n\n', { sympos: 1 })];
  const numbered = aModule({ name: 'n', patch: aPatch([anObject({ funcs })], { replace: true }) });
  const machine = machineWith(release, numbered);
  machine.insmod('a');
  machine.advance(TEN_S);
  expect(machine.insmod('n')).toBe(answer);
  machine.advance(TEN_S);
  expect(machine.cat('proc/cmdline')).toBe(answer === 'ok' ? 'n' : 'a');
});

test('a patch that fails to replace leaves the old ones as they were', () => {
  const failing = aModule({
    name: 'failing',
    patch: aPatch([anObject({ callbacks: { prePatch: () => -19 } })], { replace: true }),
  });
  const machine = machineWith('6.1', failing);
  machine.insmod('a');
  machine.advance(TEN_S);
  const before = machine.tree();
  expect(machine.insmod('failing')).toBe('ENODEV');
  expect(machine.tree()).toEqual(before);
  expect(machine.cat('proc/cmdline')).toBe('a');
});

// biome-ignore format: the columns are the point
test.each<[forced: string, removable: Record<string, string>]>([
  ['a plain patch',          { a: 'EAGAIN', b: 'EAGAIN', held: 'ok'     }],
  ['one that replaces',      { a: 'EAGAIN', b: 'EAGAIN', held: 'ok'     }],
  ['one that is taken back', { a: 'EAGAIN', b: 'EAGAIN', held: 'EAGAIN' }],
])('forced: %s, which modules stay for ever', (forced, removable) => {
  const held = patching('held', [MEMINFO], forced === 'one that replaces');
  const machine = machineWith('6.1', held);
  machine.insmod('a');
  machine.insmod('b');
  machine.advance(TEN_S);
  if (forced !== 'one that is taken back') sleeperIn(machine, MEMINFO);
  machine.insmod('held');
  if (forced === 'one that is taken back') {
    machine.advance(TEN_S);
    sleeperIn(machine, MEMINFO);
    machine.echo('0', 'held/enabled');
  }
  expect(machine.cat('held/transition')).toBe('1');
  expect(machine.echo('1', 'held/force')).toBe('ok');
  machine.advance(TEN_S);
  if (forced !== 'one that is taken back') {
    machine.write('4242', 'control/exit');
    machine.echo('0', 'held/enabled');
    machine.advance(TEN_S);
  }
  expect(machine.ls('held')).toEqual([]);
  const answers = Object.keys(removable).map((name) => [name, machine.rmmod(name)]);
  expect(Object.fromEntries(answers)).toEqual(removable);
});

test('stack_order counts from the oldest, and moves up when one goes', () => {
  const machine = machineWith('6.14');
  const order = (...names: string[]) => names.map((name) => machine.cat(`${name}/stack_order`));
  for (const name of ['a', 'b', 'of_target']) machine.insmod(name);
  machine.advance(TEN_S);
  expect(order('a', 'b', 'of_target')).toEqual(['1', '2', '3']);
  machine.echo('0', 'b/enabled');
  machine.advance(TEN_S);
  expect(order('a', 'of_target')).toEqual(['1', '2']);
});

// biome-ignore format: the columns are the point
test.each<[Release, files: string]>([
  ['4.15', 'enabled transition vmlinux'                            ],
  ['6.1',  'enabled force transition vmlinux'                      ],
  ['6.12', 'enabled force replace transition vmlinux'              ],
  ['6.14', 'enabled force replace stack_order transition vmlinux'  ],
])('the files of a patch on %s: %s', (release, files) => {
  const machine = new Machine({ release, modules: [cmdlinePatch('p')] });
  machine.insmod('p');
  expect(machine.ls('p').sort().join(' ')).toBe(files);
});

test('one that is off the list already, with its directory still there, counts as the last', () => {
  const machine = machineWith('6.14');
  for (const name of ['a', 'b', 'of_target']) machine.insmod(name);
  const [first] = machine.kernel.livepatch.patches;
  if (!first) throw new Error('a is enabled');
  forgetPatch(machine.kernel, first);
  expect(machine.cat('a/stack_order')).toBe('2');
});

test('a patch is disabled before callbacks of the one that replaces it run', () => {
  const seen: string[] = [];
  const replacing = aModule({
    name: 'replacing',
    patch: aPatch(
      [
        anObject({
          callbacks: {
            postPatch: ({ livepatch }) => {
              const states = livepatch.patches.map(
                ({ module, enabled }) => `${module.name} ${enabled}`,
              );
              seen.push(...states, `${livepatch.funcStacks.size} functions patched`);
            },
          },
        }),
      ],
      { replace: true },
    ),
  });
  const machine = machineWith('6.1', replacing);
  machine.insmod('a');
  machine.insmod('replacing');
  expect(seen).toEqual(['a false', 'replacing true', '0 functions patched']);
});

test('replace says what the patch is', () => {
  const machine = machineWith('6.12');
  machine.insmod('a');
  machine.advance(TEN_S);
  expect(machine.cat('a/replace')).toBe('0');
  machine.insmod('c');
  machine.advance(TEN_S);
  expect(machine.cat('c/replace')).toBe('1');
});

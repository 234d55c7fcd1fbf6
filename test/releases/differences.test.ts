/** What releases are said to differ in is what they do differ in, and all of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { RELEASES, type Release } from '../../src/abi/release.ts';
import { kprobeHistory } from '../../src/engine/ftrace/kprobeRules.ts';
import { livepatchHistory } from '../../src/engine/livepatch/semantics.ts';
import { builtinModules } from '../../src/modules/builtin.ts';
import { differencesBetween } from '../../src/releases/differences.ts';
import { allTraits } from '../../src/releases/traits.ts';
import { recordedKernelOf } from '../../src/releases/verification.ts';
import type { Directory } from '../../src/sysfs/node.ts';
import { Machine } from '../support/machine.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAIRS = RELEASES.flatMap((from) => RELEASES.map((to) => [from, to] as const));
/** A line of `klpfs releases` has this much room for it. */
const WIDTH = 80;

test('every rule has words, and no two have the same', () => {
  const words = [...livepatchHistory, ...kprobeHistory].map(({ what }) => what);

  expect(words.filter((what) => !/^[a-z].*[^.\s]$/.test(what))).toEqual([]);
  expect(new Set(words).size).toBe(words.length);
});

test('the words of everything fit in a line', () => {
  const long = allTraits.filter(({ what }) => what.length > WIDTH || /[\n\t]/.test(what));
  expect(long).toEqual([]);
});

// biome-ignore format: the columns are the point
test.each<[Release, Release, change: string, at: string, what: string]>([
  // from    to      change    at      what
  ['4.15', '6.1',  'gained', '4.16', '/sys/kernel/livepatch/PATCH/force 0200'],
  ['6.1',  '4.15', 'lost',   '4.16', '/sys/kernel/livepatch/PATCH/force 0200'],
  ['6.1',  '6.12', 'gained', '6.11', '/sys/kernel/livepatch/PATCH/replace 0444'],
  ['6.12', '6.14', 'gained', '6.14', '/sys/kernel/livepatch/PATCH/stack_order 0444'],
  ['4.15', '6.14', 'gained', '6.14', '/sys/kernel/livepatch/PATCH/stack_order 0444'],
  ['4.15', '6.1',  'lost',   '4.18', '/sys/kernel/debug/kprobes/list 0444'],
  ['4.15', '6.1',  'gained', '4.18', '/sys/kernel/debug/kprobes/list 0400'],
  ['4.15', '6.1',  'gained', '5.1',  'patches can be disabled in any order, not only the newest first'],
  ['4.15', '6.1',  'gained', '5.19', 'a flag that begins with [tT] is 1'],
  ['4.15', '6.1',  'lost',   '5.8',  'NULL is logged as "          (null)"'],
  ['4.15', '6.1',  'lost',   '4.16', 'manifests: immediate'],
  ['4.15', '6.1',  'lost',   '4.20', 'rcu_bh, in the default machine'],
  ['4.15', '6.1',  'gained', '5.5',  'test_klp_state'],
  ['4.15', '6.1',  'lost',   '5.1',  'test_klp_callbacks_demo2'],
  ['4.15', '6.1',  'gained', '5.1',  'test_klp_callbacks_demo2 replace='],
  // Between the two rows for 4.0 and 6.4 there is one more.
  ['4.15', '6.12', 'gained', '6.4',  'enabled_functions: columns R I D O M, the last for what was ever redirected'],
  ['4.15', '6.12', 'lost',   '5.11', 'enabled_functions: columns R I; registers come by way of ftrace_ops_assist_func'],
])('from %s to %s is %s with %s: %s', (from, to, change, at, what) => {
  expect(differencesBetween(from, to)).toContainEqual(
    expect.objectContaining({ change, at, what }),
  );
});

// biome-ignore format: the columns are the point
test.each<[Release, Release, what: string]>([
  ['6.1',  '6.12', '/sys/kernel/livepatch/PATCH/force 0200'],
  ['4.15', '6.1',  '/sys/kernel/livepatch/PATCH/enabled 0644'],
  ['4.15', '6.1',  'enabled_functions: columns R I D O M, the last for what was ever redirected'],
  ['4.15', '6.1',  'livepatch_sample'],
])('%s and %s do not differ in %s', (from, to, what) => {
  expect(differencesBetween(from, to).map((difference) => difference.what)).not.toContain(what);
});

test.each(PAIRS)('from %s to %s is the way back from there, reversed', (from, to) => {
  const there = differencesBetween(from, to).map(({ change, at, what }) => [change, at, what]);
  const back = differencesBetween(to, from).map(({ change, at, what }) => [
    change === 'lost' ? 'gained' : 'lost',
    at,
    what,
  ]);
  expect(new Set(back.map(String))).toEqual(new Set(there.map(String)));
  if (from === to) expect(there).toEqual([]);
});

/** tracefs is there a second time. */
const SEEN_ELSEWHERE = '/sys/kernel/debug/tracing';

/** Files with their modes, and names for what stands for all of its kind. */
function filesOf(release: Release): Set<string> {
  const machine = new Machine({ release, modules: builtinModules });
  expect(machine.insmod('livepatch_sample')).toBe('ok');
  const files = new Set<string>();
  const walk = (directory: Directory, path: string) => {
    for (const [name] of directory.list()) {
      const node = directory.lookup(name);
      if (`${path}/${name}` === SEEN_ELSEWHERE) continue;
      if (node?.kind === 'directory') walk(node, `${path}/${name}`);
      else if (node) files.add(`${path}/${name} ${modeOf(node.attributes().mode)}`);
    }
  };
  for (const top of ['sys', 'proc', 'dev']) {
    const node = machine.find(top);
    if (node?.kind === 'directory') walk(node, `/${top}`);
  }
  return new Set([...files].map(generalise));
}

function modeOf(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function generalise(path: string): string {
  return path
    .replace('/livepatch/livepatch_sample/vmlinux/', '/livepatch/PATCH/OBJECT/')
    .replace('/livepatch/livepatch_sample/', '/livepatch/PATCH/')
    .replace('/module/livepatch_sample/', '/module/MODULE/')
    .replace(/^\/proc\/\d+\//, '/proc/PID/')
    .replace(/\/task\/\d+\//, '/task/PID/');
}

test.each(PAIRS)('the files of %s and %s differ as is said', (from, to) => {
  const before = filesOf(from);
  const after = filesOf(to);

  const said = differencesBetween(from, to).filter(
    ({ kind }) => kind === 'attribute' || kind === 'file',
  );
  const gained = said.filter(({ change }) => change === 'gained').map(({ what }) => what);
  const lost = said.filter(({ change }) => change === 'lost').map(({ what }) => what);
  expect([...after].filter((file) => !before.has(file)).sort()).toEqual(gained.sort());
  expect([...before].filter((file) => !after.has(file)).sort()).toEqual(lost.sort());
});

/** They ask for the spans of tables that others own. */
const READERS = [
  'src/abi/release.ts',
  'src/engine/module/model.ts',
  'src/machine/contradiction.ts',
  'src/sysfs/kobjectDirectory.ts',
];
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.startsWith('releases/'))
  .map((name) => join('src', name));
const TRAITS = read('src/releases/traits.ts');

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

test('every file that asks which release it is has its tables read', () => {
  const asking = SOURCES.filter((file) => /\b(isIn|compare)\([^)]*release/.test(read(file)));
  const imported = [...TRAITS.matchAll(/from '\.\.\/([^']+)'/g)].map(([, path]) => `src/${path}`);

  expect(asking.length).toBeGreaterThan(READERS.length);
  expect(asking.filter((file) => ![...READERS, ...imported].includes(file))).toEqual([]);
});

/** Top-level constants that say from when on, or until when; what always was is none of them. */
function spannedTables(file: string): string[] {
  return read(file)
    .replaceAll("since('4.0')", '')
    .split(/^(?=(?:export )?(?:const|function|interface|type) )/m)
    .filter((block) => /\b(?:since|between)\(|\bsince: '\d/.test(block))
    .flatMap((block) => /^(?:export )?const (\w+)/.exec(block)?.[1] ?? []);
}

test('every table that has spans is read', () => {
  // All modules are in the one table of those that are built in.
  const tables = SOURCES.filter((file) => !file.startsWith('src/modules/')).flatMap(spannedTables);

  expect(tables).toContain('livepatchHistory');
  expect(tables.filter((name) => !new RegExp(`\\b${name}\\b`).test(TRAITS))).toEqual([]);
});

test('who has recordings is said to have been recorded', () => {
  const recorded = readdirSync(join(ROOT, 'test/recordings'))
    .filter((name) => name.startsWith('linux-'))
    .map((name) => name.replace('linux-', ''));

  expect(recorded).not.toEqual([]);
  for (const release of RELEASES) {
    const kernel = recordedKernelOf(release);
    if (recorded.includes(release)) expect(kernel).toMatch(new RegExp(` ${release}\\.\\d+$`));
  }
  const [, version = ''] = recordedKernelOf('6.1')?.split(' ') ?? [];
  const readme = read('test/recordings/linux-6.1/README.md');
  expect(readme).toContain(`Debian ${version}`);
});

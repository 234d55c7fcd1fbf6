/** run/proc: the machine's /proc with the host's around it. */
import { expect, test } from 'vitest';
import { adoptTask, findAdopted } from '../../src/engine/sched/adopt.ts';
import type { Host } from '../../src/sysfs/host.ts';
import type { Directory, Node } from '../../src/sysfs/node.ts';
import { Machine } from '../support/machine.ts';
import { aTask } from '../support/tasks.ts';

const OWN = 900;
const ADOPTED = 901;
const STRANGER = 902;
const PROCESS_NAMES = ['task', 'fd', 'comm', 'patch_state', 'cwd', 'exe', 'status'];
const LINKS = new Map([
  [`${ADOPTED}/cwd`, '/home'],
  [`${ADOPTED}/exe`, '/bin/gone (deleted)'],
]);

/** What the host's /proc has, by directory. */
const FILES = new Map([
  ['', ['1', '900', '901', '902', 'self', 'thread-self', 'version', 'mounts', 'sys']],
  ['901', PROCESS_NAMES],
  ['901/task', ['901', '903', '904']],
  ['901/task/903', PROCESS_NAMES],
]);

/** A host with three processes, of which one is adopted, with one of its three threads besides. */
function machineOnHost() {
  const host: Host = {
    taskOf: ({ pid }) => findAdopted(machine.kernel, pid),
    updateAll: () => {},
    update: () => {},
    processes: () => [OWN, ADOPTED],
    has: (path) =>
      (FILES.get(path.slice(0, Math.max(0, path.lastIndexOf('/')))) ?? []).includes(path),
    list: (path) => FILES.get(path) ?? [],
    readlink: (path) => LINKS.get(path),
  };
  const machine = new Machine({ host, tasks: [aTask({ comm: 'nginx', pid: 44 })] });
  adoptTask(machine.kernel, { pid: ADOPTED, tgid: ADOPTED, parentPid: 1, comm: 'bash' });
  adoptTask(machine.kernel, { pid: 903, tgid: ADOPTED, parentPid: 1, comm: 'helper' });
  machine.advance(0);
  return machine;
}

/** A link's target, a directory, or the text of a file. */
function look(machine: Machine, path: string): string {
  const node = machine.find(`run/proc/${path}`);
  if (node?.kind === 'symlink') return `-> ${node.target}`;
  return node?.kind === 'directory' ? 'directory' : machine.cat(`run/proc/${path}`);
}

// biome-ignore format: the columns are the point
test.each([
  ['44/comm',                    'nginx'],
  ['version',                    expect.stringContaining('Linux version 4.15.0')],
  ['sys/kernel/tainted',         '0'],
  ['mounts',                     '-> .host/mounts'],
  ['.host',                      'directory'],
  ['self',                       '-> .host/self'],
  ['thread-self',                '-> .host/thread-self'],
  ['nothing',                    'ENOENT'],
  ['900',                        '-> .host/900'],
  ['902',                        '-> .host/902'],
  ['905',                        'ENOENT'],
  ['901',                        'directory'],
  ['901/comm',                   'bash'],
  ['901/patch_state',            '-1'],
  ['901/status',                 '-> ../.host/901/status'],
  ['901/fd',                     '-> ../.host/901/fd'],
  ['901/cwd',                    '-> /home'],
  ['901/exe',                    '-> ../.host/901/exe'],
  ['901/nothing',                'ENOENT'],
  ['901/task/903',               'directory'],
  ['901/task/903/comm',          'helper'],
  ['901/task/903/fd',            '-> ../../../.host/901/task/903/fd'],
  ['901/task/904',               '-> ../../.host/901/task/904'],
  ['901/task/905',               'ENOENT'],
])('%s: %s', (path, shown) => {
  expect(look(machineOnHost(), path)).toEqual(shown);
});

test('own processes are listed, with the machine and the files of the host; strangers are not', () => {
  const names = machineOnHost().ls('run/proc');
  expect(names).toHaveLength(new Set(names).size);
  expect(names).toEqual(expect.arrayContaining(['44', '900', '901', 'self', 'mounts', 'version']));
  expect(names).not.toEqual(expect.arrayContaining([String(STRANGER)]));
  expect(names).not.toContain('.host');
  expect(names).not.toContain('1');
});

test('an adopted process lists what both have, once', () => {
  const machine = machineOnHost();
  expect(machine.ls('run/proc/901').sort()).toEqual([...PROCESS_NAMES, 'stack', 'wchan'].sort());
  expect(machine.ls('run/proc/901/task').sort()).toEqual(['901', '903', '904']);
});

// biome-ignore format: the columns are the point
test.each([
  // who asks  self           thread-self
  [ADOPTED,    '901',         '901/task/901'],
  [903,        '901',         '901/task/903'],
  [OWN,        undefined,     undefined],
])('self of %i leads to %s', (pid, self, threadSelf) => {
  const machine = machineOnHost();
  const targetOf = (name: string) => {
    const node = machine.find(`run/proc/${name}`);
    return node?.kind === 'symlink' ? node.targetFor?.({ pid, uid: 0, gid: 0 }) : node;
  };
  expect([targetOf('self'), targetOf('thread-self')]).toEqual([self, threadSelf]);
});

test('nobody remembers what comes and goes, and every node has a number of its own', () => {
  const machine = machineOnHost();
  const numbers = new Map<number, string>();
  const walk = (directory: Directory, path: string) => {
    for (const [name, entry] of directory.list()) {
      const node = directory.lookup(name) as Node;
      expect([`${path}${name}`, node.kind, node.ino]).toEqual([
        `${path}${name}`,
        entry.kind,
        entry.ino,
      ]);
      expect([`${path}${name}`, numbers.get(node.ino)]).toEqual([`${path}${name}`, undefined]);
      numbers.set(node.ino, `${path}${name}`);
      if (node.kind !== 'symlink' && !path.startsWith('sys')) expect(node.revalidated).toBe(true);
      if (node.kind === 'directory') walk(node, `${path}${name}/`);
    }
  };
  walk(machine.find('run/proc') as Directory, '');
  expect(numbers.size).toBeGreaterThan(40);
});

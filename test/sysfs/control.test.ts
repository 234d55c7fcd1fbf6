/** The front panel: verbs as files. */
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/abi/bytes.ts';
import { O_WRONLY } from '../../src/abi/mode.ts';
import { controlFile } from '../../src/sysfs/controlFile.ts';
import { sysfsOf } from '../../src/sysfs/fileSystems.ts';
import { createTree } from '../../src/sysfs/inode.ts';
import { Machine } from '../support/machine.ts';
import { aModule, cmdlinePatch } from '../support/modules.ts';

const machineWithModules = () =>
  new Machine({
    modules: [
      cmdlinePatch('livepatch_sample'),
      aModule({
        name: 'tuned',
        parameters: [
          { name: 'level', type: 'int', default: 3, mode: 0o644 },
          { name: 'loud', type: 'bool', default: false, mode: 0o644 },
          { name: 'secret', type: 'int', default: 0, mode: 0 },
        ],
      }),
      aModule({ name: 'user', depends: ['tuned'] }),
    ],
  });

// biome-ignore format: the columns are the point
test.each<[verb: string, request: string, answer: string, log: string[]]>([
  ['insmod', 'livepatch-sample', 'ok',     []],
  ['insmod', 'livepatch_sample', 'ok',     []],
  ['insmod', '',                 'EINVAL', ['klpfs: insmod: nothing was written; expected NAME [PARAMETER=VALUE ...]']],
  ['insmod', 'nosuch',           'ENOENT', ["klpfs: insmod: there is no module 'nosuch'; available: livepatch_sample, tuned, user"]],
  ['insmod', 'tuned level=0x10', 'ok',     []],
  ['insmod', 'tuned level=abc',  'EINVAL', ["tuned: `abc' invalid for parameter `level'"]],
  ['insmod', 'tuned level=99999999999', 'ERANGE', ["tuned: `99999999999' invalid for parameter `level'"]],
  ['insmod', 'tuned foo=1',      'ok',     ["tuned: unknown parameter 'foo' ignored"]],
  ['insmod', 'user',             'ENOENT', ['user: Unknown symbol tuned (err -2)']],
  ['rmmod',  'nosuch',           'ENOENT', []],
  ['rmmod',  'a b',              'EINVAL', ['klpfs: rmmod: one module at a time: NAME']],
  ['wake',   '99999',            'ESRCH',  ["klpfs: wake: there is no process '99999'"]],
  ['wake',   'x',                'ESRCH',  ["klpfs: wake: there is no process 'x'"]],
])('%s <- %j: %s', (verb, request, answer, log) => {
  const machine = machineWithModules();
  expect(machine.write(request, `control/${verb}`)).toBe(answer);
  const logged = machine.dmesg().filter((line) => !/taint|^livepatch:/.test(line));
  expect(logged).toEqual(log);
  if (answer !== 'ok') expect(machine.ls('sys/module')).toEqual([]);
});

test('loading twice is EEXIST, removing what is in use EAGAIN, in every spelling', () => {
  const machine = machineWithModules();
  machine.insmod('livepatch-sample');
  const before = machine.tree();
  expect([machine.insmod('livepatch_sample'), machine.insmod('livepatch-sample')]).toEqual([
    'EEXIST',
    'EEXIST',
  ]);
  expect([machine.rmmod('livepatch-sample'), machine.tree()]).toEqual(['EAGAIN', before]);
});

test('a module that others need stays while they are loaded', () => {
  const machine = machineWithModules();
  machine.insmod('tuned');
  machine.insmod('user');
  expect(machine.cat('proc/modules')).toMatch(/^user 16384 0 - Live .*\ntuned 16384 1 user, Live /);
  expect([machine.rmmod('tuned'), machine.rmmod('user'), machine.rmmod('tuned')]).toEqual([
    'EAGAIN',
    'ok',
    'ok',
  ]);
});

test('parameters are files with their modes, parsed and printed as the kernel does', () => {
  const machine = machineWithModules();
  machine.insmod('tuned', 'loud=y');
  const parameters = 'sys/module/tuned/parameters';
  expect(machine.ls(parameters).sort()).toEqual(['level', 'loud']);
  expect([machine.cat(`${parameters}/level`), machine.cat(`${parameters}/loud`)]).toEqual([
    '3',
    'Y',
  ]);
  expect([machine.echo('-19', `${parameters}/level`), machine.cat(`${parameters}/level`)]).toEqual([
    'ok',
    '-19',
  ]);
  expect([
    machine.echo('abc', `${parameters}/level`),
    machine.echo('maybe', `${parameters}/loud`),
  ]).toEqual(['EINVAL', 'EINVAL']);
});

test('a store sees its input up to the first NUL', () => {
  const machine = machineWithModules();
  machine.insmod('tuned');
  expect(machine.write('7\0junk', 'sys/module/tuned/parameters/level')).toBe('ok');
  expect(machine.cat('sys/module/tuned/parameters/level')).toBe('7');
});

test('taints: the lines once a boot, the value for ever', () => {
  const machine = machineWithModules();
  machine.insmod('livepatch-sample');
  machine.echo('0', 'livepatch_sample/enabled');
  machine.rmmod('livepatch_sample');
  const lines = () => machine.dmesg().filter((line) => /taint/.test(line));
  expect(lines()).toEqual([
    'livepatch_sample: loading out-of-tree module taints kernel.',
    'livepatch_sample: tainting kernel with TAINT_LIVEPATCH',
    'livepatch_sample: module verification failed: signature and/or required key missing - tainting kernel',
  ]);
  machine.insmod('livepatch-sample');
  expect([lines(), machine.cat('proc/sys/kernel/tainted')]).toEqual([[], '45056']);
});

test('a document comes in pieces of one write; too much of it is E2BIG', () => {
  const received: string[] = [];
  const { kernel } = new Machine();
  const file = controlFile(createTree(kernel, sysfsOf('4.15')), {
    name: 'document',
    show: () => '',
    execute: (_kernel, text) => {
      received.push(text);
    },
    maxBytes: 300_000,
  });
  const machine = new Machine();
  const send = (...pieces: number[]) => {
    const open = file.open(O_WRONLY);
    return pieces.map((size) =>
      machine.attempt(() => String(machine.finish(open.write(0, encodeUtf8('x'.repeat(size)))))),
    );
  };
  expect(send(131_072, 131_072, 10)).toEqual(['131072', '131072', '10']);
  expect(received.map(({ length }) => length)).toEqual([262_154]);
  expect(send(131_024, 131_072, 131_072)).toEqual(['131024', '131072', 'E2BIG']);
  expect(received).toHaveLength(1);
});

test('a document that fills its last piece is carried out when its file is closed', () => {
  const received: number[] = [];
  const { kernel } = new Machine();
  const file = controlFile(createTree(kernel, sysfsOf('4.15')), {
    name: 'document',
    show: () => '',
    execute: (_kernel, text) => {
      received.push(text.length);
    },
    maxBytes: 300_000,
  });
  const machine = new Machine();
  const open = file.open(O_WRONLY);
  machine.finish(open.write(0, encodeUtf8('x'.repeat(128_000))));
  expect(received).toEqual([]);
  machine.finish(open.release());
  expect(received).toEqual([128_000]);
  machine.finish(open.release());
  expect(received).toHaveLength(1);
});

test('a query is read, not written', () => {
  const machine = machineWithModules();
  expect(machine.write('x', 'control/tasks')).toBe('EACCES');
  expect(machine.find('control/tasks')?.attributes().mode).toBe(0o100400);
  const tasks = JSON.parse(machine.cat('control/tasks'));
  expect(tasks[0]).toMatchObject({ pid: 0, comm: 'swapper/0', kind: 'idle' });
  expect(tasks[1]).toEqual({
    pid: 3,
    tgid: 3,
    ppid: 2,
    comm: 'kworker/0:0',
    kind: 'kthread',
    state: 'interruptible',
    cpu: 0,
    patch_state: -1,
    stack: [],
  });
});

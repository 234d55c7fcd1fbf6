/**
 * What kernfs does for every attribute.
 *
 * Source: fs/kernfs/file.c, fs/seq_file.c; recordings 03-reads and 04-namespace-ops of Linux 6.1.
 */
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/abi/bytes.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { O_RDWR, O_WRONLY } from '../../src/abi/mode.ts';
import type { OpenFile } from '../../src/sysfs/node.ts';
import { Machine } from '../support/machine.ts';
import { cmdlinePatch } from '../support/modules.ts';

const O_RDONLY = 0;
const ENABLED = 'p/enabled';

function loadedMachine(release: '4.15' | '6.1' = '6.1'): Machine {
  const machine = new Machine({ release, modules: [cmdlinePatch('p')] });
  machine.insmod('p');
  return machine;
}

function reader(machine: Machine, file: OpenFile) {
  return (offset: number, size = 100): string => {
    try {
      return decodeUtf8(machine.finish(file.read(offset, size)));
    } catch (error) {
      if (error instanceof KernelError) return error.code;
      throw error;
    }
  };
}

test('the text is made at offset 0, and what follows is the rest of the same text', () => {
  const machine = loadedMachine('4.15');
  const read = reader(machine, machine.open(ENABLED, O_RDONLY));
  expect(read(0, 1)).toBe('1');
  machine.echo('0', ENABLED);
  expect(read(1, 1)).toBe('\n');
  expect(read(2, 1)).toBe('');
  expect(read(0)).toBe('0\n');
});

// biome-ignore format: the columns are the point
test.each([
  [0, '1\n'], [1, '\n'], [2, ''], [3, ''], [4096, ''], [1_000_000, ''],
])('a first read at offset %i gives %j', (offset, text) => {
  const machine = loadedMachine();
  expect(reader(machine, machine.open(ENABLED, O_RDONLY))(offset)).toBe(text);
});

test('two opens have a text each', () => {
  const machine = loadedMachine('4.15');
  const first = reader(machine, machine.open(ENABLED, O_RDONLY));
  const second = reader(machine, machine.open(ENABLED, O_RDONLY));
  expect(first(0, 1)).toBe('1');
  machine.echo('0', ENABLED);
  expect(second(0)).toBe('0\n');
  expect(first(1)).toBe('\n');
});

// biome-ignore format: the columns are the point
test.each([
  // file           mode     flags     answer
  ['p/enabled',    undefined, O_RDONLY, 'ok'    ],
  ['p/enabled',    undefined, O_RDWR,   'ok'    ],
  ['p/transition', undefined, O_RDONLY, 'ok'    ],
  ['p/transition', undefined, O_WRONLY, 'EACCES'],
  ['p/transition', undefined, O_RDWR,   'EACCES'],
  ['p/force',      undefined, O_RDONLY, 'EACCES'],
  ['p/force',      undefined, O_WRONLY, 'ok'    ],
  ['p/force',      undefined, O_RDWR,   'EACCES'],
  ['p/transition', 0o000,     O_RDONLY, 'EACCES'],
  ['p/transition', 0o666,     O_WRONLY, 'ok'    ],
  ['p/vmlinux/patched', undefined, O_WRONLY, 'EACCES'],
  ['sys/module/p/uevent', undefined, O_RDONLY, 'EACCES'],
  ['sys/module/p/refcnt', undefined, O_WRONLY, 'EACCES'],
] as const)('root opens %s (mode %s) with flags %i: %s', (path, mode, flags, answer) => {
  const machine = loadedMachine();
  if (mode !== undefined) machine.file(path).change({ mode });
  expect(machine.attempt(() => machine.open(path, flags) && 'ok')).toBe(answer);
});

test('a mode bit without an operation behind it lets open, and fails with EIO', () => {
  const machine = loadedMachine();
  machine.file('p/transition').change({ mode: 0o666 });
  machine.file('p/force').change({ mode: 0o644 });
  expect(machine.write('1', 'p/transition')).toBe('EIO');
  expect(machine.cat('p/force')).toBe('EIO');
});

test('one write is one store of at most a page; the offset means nothing', () => {
  const machine = loadedMachine('4.15');
  const file = machine.open(ENABLED, O_WRONLY);
  const write = (text: string, offset: number) =>
    machine.attempt(() => String(machine.finish(file.write(offset, encodeUtf8(text)))));
  expect(write('', 0)).toBe('0');
  expect(write(`0${'x'.repeat(4999)}`, 100_000)).toBe('4096');
  expect(machine.cat(ENABLED)).toBe('0');
  expect(write('2', 0)).toBe('EINVAL');
  expect(write('1', 5)).toBe('1');
});

test('after its directory was removed an open file answers ENODEV, and a new one is another', () => {
  const machine = loadedMachine();
  const file = machine.open(ENABLED, O_RDWR);
  const halfRead = machine.open('p/transition', O_RDONLY);
  const read = reader(machine, file);
  expect(read(0)).toBe('1\n');
  expect(reader(machine, halfRead)(0, 1)).toBe('0');
  machine.echo('0', ENABLED);
  expect(machine.ls('')).toEqual([]);

  const write = (text: string) =>
    machine.attempt(() => String(machine.finish(file.write(0, encodeUtf8(text)))));
  expect([read(2), read(0), write('1'), write('x')]).toEqual(Array(4).fill('ENODEV'));
  expect([reader(machine, halfRead)(1), reader(machine, halfRead)(2)]).toEqual(['\n', 'ENODEV']);

  machine.rmmod('p');
  machine.insmod('p');
  expect([machine.cat(ENABLED), read(0)]).toEqual(['1', 'ENODEV']);
});

// biome-ignore format: the columns are the point
test.each([
  // path                         mode       size  nlink
  ['',                            0o040755,     0, 3],
  ['p',                           0o040755,     0, 3],
  ['p/enabled',                   0o100644,  4096, 1],
  ['p/transition',                0o100444,  4096, 1],
  ['p/force',                     0o100200,  4096, 1],
  ['p/vmlinux',                   0o040755,     0, 3],
  ['p/vmlinux/patched',           0o100444,  4096, 1],
  ['p/vmlinux/cmdline_proc_show,1', 0o040755,   0, 2],
  ['sys/module/p',                0o040755,     0, 5],
  ['sys/module/p/taint',          0o100444,  4096, 1],
  ['sys/module/p/notes/.note.Linux', 0o100444, 60, 1],
  ['sys/module/p/sections/.text', 0o100400,    19, 1],
  ['proc/3/patch_state',          0o100400,     0, 1],
  ['proc/3',                      0o040555,     0, 3],
  ['sys/kernel/tracing/enabled_functions', 0o100440, 0, 1],
])('stat of %s', (path, mode, sizeBytes, nlink) => {
  expect(loadedMachine().find(path)?.attributes()).toMatchObject({ mode, sizeBytes, nlink, uid: 0 });
});

test('a listing is in the order of the kernel: by hash of the name', () => {
  const machine = new Machine({
    release: '6.1',
    modules: ['livepatch_sample', 'test_klp_livepatch', 'test_klp_atomic_replace'].map((name) =>
      cmdlinePatch(name),
    ),
  });
  for (const name of ['livepatch-sample', 'test_klp_livepatch', 'test_klp_atomic_replace']) {
    machine.insmod(name);
  }
  expect(machine.ls('')).toEqual([
    'test_klp_atomic_replace',
    'livepatch_sample',
    'test_klp_livepatch',
  ]);
  expect(machine.ls('livepatch_sample')).toEqual(['enabled', 'vmlinux', 'transition', 'force']);
  expect(machine.ls('livepatch_sample/vmlinux')).toEqual(['patched', 'cmdline_proc_show,1']);
});

test('a release shows the files that it has', () => {
  expect(loadedMachine('4.15').ls('p').sort()).toEqual(['enabled', 'transition', 'vmlinux']);
  expect(loadedMachine('4.15').ls('p/vmlinux')).toEqual(['cmdline_proc_show,1']);
});

test('times: those of the first look-up, moved by what chmod and truncate move', () => {
  const machine = loadedMachine();
  const loadedMs = machine.find('')?.attributes().mtimeMs ?? 0;
  machine.advance(500);
  const times = () => {
    const { atimeMs, mtimeMs, ctimeMs } = machine.file(ENABLED).attributes();
    return [atimeMs, mtimeMs, ctimeMs];
  };
  const [born = 0] = times();
  expect(times()).toEqual([born, born, born]);
  expect(born).toBe(loadedMs + 500);
  machine.advance(5000);
  machine.cat(ENABLED);
  machine.echo('1', ENABLED);
  expect(times()).toEqual([born, born, born]);
  machine.file(ENABLED).change({ mode: 0o600 });
  expect(times()).toEqual([born, born, born + 5000]);
  machine.advance(1000);
  machine.file(ENABLED).change({ sizeBytes: 0 });
  expect(times()).toEqual([born, born + 6000, born + 6000]);
  expect(machine.file(ENABLED).attributes().sizeBytes).toBe(4096);
});

test('listing moves atime as relatime does: once, and then once a day', () => {
  const machine = loadedMachine();
  const directory = machine.find('p');
  const atime = () => directory?.attributes().atimeMs ?? 0;
  const born = atime();
  const listAfter = (ms: number) => {
    machine.advance(ms);
    directory?.accessed();
    return atime() - born;
  };
  expect([listAfter(5000), listAfter(5000), listAfter(24 * 3600 * 1000)]).toEqual([
    5000,
    5000,
    24 * 3600 * 1000 + 10_000,
  ]);
});

/** Who has it open, or stands in it, still does. Recording read.removed.fd. */
// biome-ignore format: the columns are the point
test.each([
  // node                            mode        nlink  size
  ['p/enabled',                     '100644',    1,     4096],
  ['p/vmlinux/patched',             '100444',    1,     4096],
  ['p',                             '40755',     2,     0   ],
  ['p/vmlinux',                     '40755',     2,     0   ],
  ['p/vmlinux/cmdline_proc_show,1', '40755',     2,     0   ],
])('%s still has attributes when its patch is gone', (path, mode, nlink, sizeBytes) => {
  const machine = loadedMachine();
  const node = machine.find(path);
  machine.echo('0', ENABLED);
  machine.advance(5000);
  expect(machine.ls('')).toEqual([]);
  node?.change({ sizeBytes: 0 });
  const attributes = node?.attributes();
  expect(attributes).toMatchObject({ nlink, sizeBytes });
  expect(attributes?.mode.toString(8)).toBe(mode);
  if (node?.kind === 'directory') {
    expect([...node.list()]).toEqual([]);
    expect(node.lookup('patched') ?? node.lookup('enabled')).toBeUndefined();
  }
});

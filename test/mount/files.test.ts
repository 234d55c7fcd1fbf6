/** Opening, reading, writing and releasing files of a mount. */
import { expect, test } from 'vitest';
import { FileSystem } from '../../mount/fileSystem.ts';
import { fuseOperations } from '../../mount/fuseNative/operations.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { O_ACCMODE, O_TRUNC } from '../../src/abi/mode.ts';
import type { File } from '../../src/sysfs/node.ts';
import { until } from '../support/clients.ts';
import { BIRTH_MS, directory, file, memoryRun, recordingChanges } from '../support/memoryTree.ts';
import { byTransport } from '../support/transport.ts';
import { mounted } from './mounted.ts';

test('bytes are read where they are asked for, though stat says 4096', async () => {
  const { answers } = await mounted(directory({ file: file('12345\n') }));

  const got = await answers([
    "os.stat(MNT + '/file').st_size",
    "open_as('f', '/file', os.O_RDONLY)",
    "read('f', 2)",
    "read('f', 100)",
    "read('f', 100)",
    "pread('f', 3, 1)",
    "pread('f', 3, 5000)",
    "os.lseek(opened['f'], 0, os.SEEK_END)",
    "os.open(MNT + '/file', os.O_RDONLY | os.O_DIRECT)",
  ]);

  expect(got).toEqual(['4096', 'ok', '12', '345\n', '', '234', '', '4096', 'EINVAL']);
});

test('a write says how much of it was taken, and the shell writes the rest', async () => {
  const taken: string[] = [];
  const three = file('', {
    write: (_offset, data) => {
      taken.push(new TextDecoder().decode(data.subarray(0, 3)));
      return Math.min(3, data.length);
    },
  });
  const { answers, sh } = await mounted(directory({ three }));

  expect(await answers(["open_as('f', '/three', os.O_WRONLY)", "write('f', 'abcde')"])).toEqual([
    'ok',
    '3',
  ]);
  await sh('echo -n 1234567 > $MNT/three');

  expect(taken).toEqual(['abc', '123', '456', '7']);
});

test('offsets, appending and truncating do not keep a write from its file', async () => {
  const { answers, sh } = await mounted(directory({ file: file('old\n') }));

  await answers(["open_as('f', '/file', os.O_RDWR)", "os.pwrite(opened['f'], b'at 5\\n', 5)"]);
  expect((await sh('cat $MNT/file')).output).toBe('at 5\n');
  expect((await sh('echo appended >> $MNT/file; cat $MNT/file')).output).toBe('appended\n');
  expect((await sh('echo replaced > $MNT/file; cat $MNT/file')).output).toBe('replaced\n');
});

// 31 pages and a byte always fit into the 32 pages of a request, wherever in a page they begin.
test('a large write arrives in one piece', async () => {
  const sizes: number[] = [];
  const big = file('', { write: (_offset, { length }) => sizes.push(length) && length });
  const { answers } = await mounted(directory({ big }));

  await answers([
    "open_as('f', '/big', os.O_WRONLY)",
    "write_bytes('f', 131072, 0)",
    "write_bytes('f', 126977, 4095)",
    "write_bytes('f', 131072, 4095)",
    "write_bytes('f', 131073, 0)",
  ]);

  expect(sizes).toEqual([131072, 126977, 126977, 4095, 131072, 1]);
});

test('O_TRUNC and truncate(2) are changes of size, and the node decides', async () => {
  const { node, changes } = recordingChanges(file('1\n'));
  const { answers, sh } = await mounted(directory({ node }));

  await sh('echo 1 > $MNT/node');
  await sh('echo 1 >> $MNT/node');
  await answers([
    "os.truncate(MNT + '/node', 10)",
    "open_as('f', '/node', os.O_RDWR)",
    "os.ftruncate(opened['f'], 7)",
  ]);

  expect(changes).toEqual([{ sizeBytes: 0 }, { sizeBytes: 10 }, { sizeBytes: 7 }]);
  expect(await answers(["os.stat(MNT + '/node').st_size"])).toEqual(['4096']);
  expect(node.attributes().mtimeMs).toBeGreaterThan(BIRTH_MS);
});

test('an open that is refused changes nothing', async () => {
  const { node, changes } = recordingChanges(
    file('1\n', {
      open: () => {
        throw new KernelError('EACCES', 'there is no store');
      },
    }),
  );
  const { answers } = await mounted(directory({ node }));

  expect(await answers(["os.open(MNT + '/node', os.O_WRONLY | os.O_TRUNC)"])).toEqual(['EACCES']);
  expect(changes).toEqual([]);
});

test('an open that fails after the file has agreed is released', async () => {
  const released: string[] = [];
  const direct = file('', { release: () => released.push('direct') });
  const plain = file('', { release: () => released.push('truncated') });
  const fixed: File = {
    ...plain,
    change: () => {
      throw new KernelError('EPERM', 'not this one');
    },
  };
  const { answers } = await mounted(directory({ direct, fixed }));

  const got = await answers([
    "os.open(MNT + '/direct', os.O_RDONLY | os.O_DIRECT)",
    "os.open(MNT + '/fixed', os.O_WRONLY | os.O_TRUNC)",
  ]);

  expect(got).toEqual(['EINVAL', 'EPERM']);
  expect(released).toEqual(['direct', 'truncated']);
});

test('a released number names nothing any more', () => {
  const fileSystem = new FileSystem(directory({ file: file('1\n') }), memoryRun().run, () => {});
  const operations = fuseOperations(fileSystem);
  const statuses: (number | undefined)[] = [];
  const push = (...status: (number | undefined)[]) => statuses.push(...status);

  operations.open('/file', 0, push);
  operations.read('/file', 1, new Uint8Array(2), 2, 0, push);
  operations.release('/file', 1, push);
  operations.read('/file', 1, new Uint8Array(2), 2, 0, push);

  expect(statuses).toEqual([0, 1, 2, 0, -9]);
});

test('a file sees the flags of its open, and the end of it', async () => {
  const seen: (number | string)[] = [];
  const watched = file('1\n', {
    open: (flags) => seen.push(flags & (O_ACCMODE | O_TRUNC)),
    release: () => seen.push('released'),
  });
  const { sh } = await mounted(directory({ watched }));

  await sh('cat $MNT/watched');
  await until(() => seen.length === 2);
  await sh('echo 1 > $MNT/watched');
  await until(() => seen.length === 4);

  expect(seen).toEqual([0, 'released', O_TRUNC + 1, 'released']);
});

test('an open file can be read when its name is gone, and looked at but by fuse-native', async () => {
  let opened = false;
  const open = () => {
    opened = true;
  };
  const root = directory({ file: file('1\n', { open }) });
  const { answers } = await mounted(root);
  until(() => opened).then(() => root.names.delete('file'));

  const got = await answers([
    "open_as('f', '/file', os.O_RDONLY)",
    "[None for _ in iter(lambda: os.path.exists(MNT + '/file'), False)]",
    "read('f', 100)",
    "os.fstat(opened['f']).st_size",
  ]);

  const size = byTransport({ devfuse: '4096', 'fuse-native': 'ENOENT' });
  expect(got).toEqual(['ok', expect.any(String), '1\n', size]);
});

test('what throws without an errno is EIO and reported, and the rest goes on', async () => {
  const broken = () => {
    throw new TypeError('not a function');
  };
  const fails = file('', { open: broken });
  const throws = file('', { read: broken, write: broken, release: broken });
  const lies = file('', { read: () => new Uint8Array(5000), write: () => 100 });
  const { answers, bugs } = await mounted(directory({ fails, throws, lies, file: file('1\n') }));

  const got = await answers([
    "os.open(MNT + '/fails', os.O_RDONLY)",
    "open_as('throws', '/throws', os.O_RDWR)",
    "read('throws', 100)",
    "write('throws', '1')",
    "close('throws')",
    "open_as('lies', '/lies', os.O_RDWR)",
    "read('lies', 4096)",
    "write('lies', '1')",
    "open_as('f', '/file', os.O_RDONLY)",
    "read('f', 100)",
  ]);

  expect(got).toEqual(['EIO', 'ok', 'EIO', 'EIO', 'ok', 'ok', 'EIO', 'EIO', 'ok', '1\n']);
  await until(() => bugs.length === 6);
});

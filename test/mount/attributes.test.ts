/** stat, chmod, chown, utimes, statfs, extended attributes and directory listings of a mount. */
import { expect, test } from 'vitest';
import type { File } from '../../src/sysfs/node.ts';
import { BIRTH_MS, directory, file, recordingChanges, symlink } from '../support/memoryTree.ts';
import { byTransport } from '../support/transport.ts';
import { mounted } from './mounted.ts';

test('stat shows what the node says', async () => {
  const node = file('1\n', { mode: 0o400 });
  const { answers } = await mounted(directory({ node, link: symlink('node') }));

  const [mode, ino, ...rest] = await answers([
    "oct(os.stat(MNT + '/node').st_mode)",
    "os.stat(MNT + '/link').st_ino",
    "os.stat(MNT + '/node').st_mtime_ns // 1000000",
    "os.stat(MNT + '/node').st_blocks",
    "os.stat(MNT + '/node').st_blksize",
    "os.stat(MNT + '/node').st_nlink",
    'os.stat(MNT).st_nlink',
    "os.readlink(MNT + '/link')",
  ]);

  expect([mode, ino]).toEqual(['0o100400', String(node.ino)]);
  expect(rest).toEqual([String(BIRTH_MS), '0', '4096', '1', '2', 'node']);
});

test('root may change mode, owner and times, and they last', async () => {
  const { node, changes } = recordingChanges(file('1\n'));
  const { answers } = await mounted(directory({ file: node }));

  const got = await answers([
    "os.chmod(MNT + '/file', 0o4711)",
    "os.chown(MNT + '/file', 7, -1)",
    "os.chown(MNT + '/file', -1, 8)",
    "os.utime(MNT + '/file', (1000, 1000))",
    "oct(os.stat(MNT + '/file').st_mode)",
    "os.stat(MNT + '/file').st_uid",
    "os.stat(MNT + '/file').st_gid",
    "os.stat(MNT + '/file').st_mtime",
  ]);

  expect(changes[0]).toEqual({ mode: 0o4711 });
  // Changing the owner takes the set-user-ID bit away, as on Linux.
  expect(got.slice(4)).toEqual(['0o100711', '7', '8', '1000.0']);
});

test('attributes that change by themselves are seen at once', async () => {
  const node = file('1\n');
  let sizeBytes = 100;
  const growing: File = {
    ...node,
    attributes: () => ({ ...node.attributes(), sizeBytes: sizeBytes++ }),
  };
  const { answers } = await mounted(directory({ growing }));

  const [, sizes] = await answers([
    "open_as('f', '/growing', os.O_RDONLY)",
    "len({os.fstat(opened['f']).st_size for _ in range(10)})",
  ]);

  expect(sizes).toBe('10');
});

test('others are let in if they are to be, and judged by permission bits first', async () => {
  const secret = file('1\n', { mode: 0o600 });
  const root = () => directory({ secret, file: file('2\n') });
  const asNobody = (script: string) =>
    `setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "${script}"`;
  const open = await mounted(root(), true);
  const closed = await mounted(root(), false);
  const { output, errors } = await open.sh(
    asNobody(`cat $MNT/file; cat $MNT/secret; echo 1 > $MNT/file; mkdir $MNT/x; rm -f $MNT/file`),
  );

  expect(output).toBe('2\n');
  expect(errors.match(/Permission denied/g)).toHaveLength(4);
  expect((await closed.sh(asNobody('ls $MNT'))).errors).toMatch(/Permission denied/);
});

test('atime and mtime are set, or both to atime: a limit of fuse-native', async () => {
  const { answers } = await mounted(directory({ file: file('1\n') }));

  const got = await answers([
    "os.utime(MNT + '/file', (1111, 2222))",
    "os.stat(MNT + '/file').st_atime",
    "os.stat(MNT + '/file').st_mtime",
  ]);

  const mtime = byTransport({ devfuse: '2222.0', 'fuse-native': '1111.0' });
  expect(got.slice(1)).toEqual(['1111.0', mtime]);
});

test('statfs shows an empty file system of pages', async () => {
  const { answers } = await mounted(directory());

  expect(await answers(['list(os.statvfs(MNT))[:5]', 'os.statvfs(MNT).f_namemax'])).toEqual([
    '[4096, 4096, 0, 0, 0]',
    '255',
  ]);
});

// biome-ignore format: the columns are the point
const XATTRS: readonly (readonly [expression: string, answer: string])[] = [
  ["os.setxattr(F, 'user.a', b'1')",                         'EOPNOTSUPP'],
  ["os.getxattr(F, 'user.a')",                               'EOPNOTSUPP'],
  ["os.setxattr(F, 'system.a', b'1')",                       'EOPNOTSUPP'],
  ["os.getxattr(F, 'system.a')",                             'EOPNOTSUPP'],
  ["os.removexattr(F, 'system.a')",                          'EOPNOTSUPP'],
  ["os.listxattr(F)",                                        '[]'        ],
  ["os.getxattr(F, 'trusted.a')",                            'ENODATA'   ],
  ["os.removexattr(F, 'trusted.a')",                         'ENODATA'   ],
  ["os.setxattr(F, 'trusted.a', b'1', os.XATTR_REPLACE)",    'ENODATA'   ],
  ["os.setxattr(F, 'trusted.b', b'', os.XATTR_CREATE)",      'ok'        ],
  ["os.setxattr(F, 'trusted.b', b'1', os.XATTR_CREATE)",     'EEXIST'    ],
  ["os.setxattr(F, 'trusted.a', 300 * b'x')",                'ok'        ],
  ["os.setxattr(F, 'security.c', b'3')",                     'ok'        ],
  ["len(os.getxattr(F, 'trusted.a'))",                       '300'       ],
  ["os.getxattr(F, 'trusted.b')",                            "b''"       ],
  ["os.listxattr(F)",                    "['security.c', 'trusted.a', 'trusted.b']"],
  ["libc.listxattr(F.encode(), None, 0)",                       '31'        ],
  ["libc.listxattr(F.encode(), room, 31)",                      '31'        ],
  ["libc.listxattr(F.encode(), room, 30), ctypes.get_errno()",  '(-1, 34)'  ],
  ["libc.getxattr(F.encode(), b'trusted.a', None, 0)",          '300'       ],
  ["libc.getxattr(F.encode(), b'trusted.a', room, 299), ctypes.get_errno()", '(-1, 34)'],
  ["os.removexattr(F, 'trusted.a')",                         'ok'        ],
  ["os.listxattr(F)",                                "['security.c', 'trusted.b']"],
];

test('trusted and security attributes are kept, others are not supported', async () => {
  const { answers, bugs } = await mounted(directory({ file: file() }));
  const prepare = ["globals().update(F=MNT + '/file')"];
  const expressions = XATTRS.map(([expression]) => expression);

  const got = (await answers([...prepare, ...expressions])).slice(prepare.length);

  expect(expressions.map((expression, row) => [expression, got[row]])).toEqual(XATTRS);
  expect(bugs).toEqual([]);
});

test('a directory lists its names in its own order, with type and inode number', async () => {
  const inner = directory({ z: file(), a: symlink('z'), m: directory() });
  const root = directory({ inner });
  const { sh, answers } = await mounted(root);

  const { output } = await sh('ls -fai --file-type $MNT/inner');
  const inos = [inner, root, ...inner.names.values()].map(({ ino }) => ino);
  const names = ['./', '../', 'z', 'a@', 'm/'];
  expect(
    output
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  ).toEqual(names.map((name, index) => `${inos[index]} ${name}`));
  const types =
    "[(e.name, e.is_file(follow_symlinks=False), e.is_dir(), e.is_symlink()) for e in os.scandir(MNT + '/inner')]";
  expect(await answers([types])).toEqual([
    "[('z', True, False, False), ('a', False, False, True), ('m', False, True, False)]",
  ]);
});

test('names appear and vanish at once: nothing is cached', async () => {
  const root = directory({ before: file('1\n') });
  const { sh } = await mounted(root);

  expect((await sh('cat $MNT/before; ls $MNT')).output).toBe('1\nbefore\n');
  root.names.delete('before');
  root.names.set('after', file('2\n'));
  const { output, errors } = await sh('cat $MNT/before; cat $MNT/after; ls $MNT');
  expect(output).toBe('2\nafter\n');
  expect(errors).toMatch(/before: No such file or directory/);
  root.names.set('after', directory({ deeper: file('3\n') }));
  expect((await sh('cat $MNT/after/deeper')).output).toBe('3\n');
});

/** What clients are told when they create, remove or rename. Source: semantics reference §17.5. */
import { expect, test } from 'vitest';
import { FileSystem } from '../../mount/fileSystem.ts';
import type { NamespaceOperation } from '../../mount/refusals.ts';
import { errnoName } from '../../src/abi/errno.ts';
import { directory, file, memoryRun, symlink } from '../support/memoryTree.ts';
import { byTransport } from '../support/transport.ts';
import { mounted } from './mounted.ts';

const tree = () =>
  directory({ file: file('1\n'), link: symlink('file'), dir: directory({ inner: file() }) });

/** libfuse 2 makes a creation of it. */
const MKNOD = byTransport({ devfuse: 'EPERM', 'fuse-native': 'EACCES' });

// biome-ignore format: the columns are the point
const BY_CLIENTS: readonly (readonly [expression: string, errno: string])[] = [
  ["os.open(MNT + '/new', os.O_CREAT | os.O_WRONLY)",             'EACCES' ],
  ["os.open(MNT + '/dir/new', os.O_CREAT | os.O_WRONLY)",         'EACCES' ],
  ["os.open(MNT + '/file', os.O_CREAT | os.O_EXCL | os.O_RDWR)",  'EEXIST' ],
  ["os.close(os.open(MNT + '/file', os.O_CREAT | os.O_RDWR))",    'ok'     ],
  ["os.mkdir(MNT + '/new')",                                      'EPERM'  ],
  ["os.mkdir(MNT + '/dir')",                                      'EEXIST' ],
  ["os.mkdir(MNT + '/file/new')",                                 'ENOTDIR'],
  ["os.mknod(MNT + '/new', stat.S_IFCHR | 0o600, 0)",             'EPERM'  ],
  ["os.mknod(MNT + '/new')",                                      MKNOD    ],
  ["os.mkfifo(MNT + '/new')",                                     'EPERM'  ],
  ["os.mknod(MNT + '/file')",                                     'EEXIST' ],
  ["os.symlink('file', MNT + '/new')",                            'EPERM'  ],
  ["os.symlink('file', MNT + '/link')",                           'EEXIST' ],
  ["os.link(MNT + '/file', MNT + '/new')",                        'EPERM'  ],
  ["os.link(MNT + '/file', MNT + '/dir/inner')",                  'EEXIST' ],
  ["os.link(MNT + '/missing', MNT + '/new')",                     'ENOENT' ],
  ["os.link('/proc/self/comm', MNT + '/new')",                    'EXDEV'  ],
  ["os.unlink(MNT + '/file')",                                    'EPERM'  ],
  ["os.unlink(MNT + '/link')",                                    'EPERM'  ],
  ["os.unlink(MNT + '/dir')",                                     'EISDIR' ],
  ["os.unlink(MNT + '/missing')",                                 'ENOENT' ],
  ["os.rmdir(MNT + '/dir')",                                      'EPERM'  ],
  ["os.rmdir(MNT + '/file')",                                     'ENOTDIR'],
  ["os.rmdir(MNT + '/missing')",                                  'ENOENT' ],
  ["os.rename(MNT + '/file', MNT + '/new')",                      'EPERM'  ],
  ["os.rename(MNT + '/dir', MNT + '/new')",                       'EPERM'  ],
  ["os.rename(MNT + '/file', MNT + '/dir/inner')",                'EPERM'  ],
  ["os.rename(MNT + '/missing', MNT + '/new')",                   'ENOENT' ],
  ["os.open(MNT + '/dir', os.O_WRONLY)",                          'EISDIR' ],
  ["os.open(MNT + '/missing', os.O_RDONLY)",                      'ENOENT' ],
  ["os.stat(MNT + '/file/missing')",                              'ENOTDIR'],
  ["os.stat(MNT + '/' + 300 * 'x')",                              'ENOENT' ],
];

test('root may not change names either', async () => {
  const { answers, bugs } = await mounted(tree());
  const expressions = BY_CLIENTS.map(([expression]) => expression);

  const errnos = await answers(expressions);

  expect(expressions.map((expression, row) => [expression, errnos[row]])).toEqual(BY_CLIENTS);
  expect(bugs).toEqual([]);
});

// biome-ignore format: the columns are the point
test.each<[NamespaceOperation, missing: string, directory: string, file: string]>([
  ['create',  'EACCES', 'EEXIST', 'EEXIST' ],
  ['mkdir',   'EPERM',  'EEXIST', 'EEXIST' ],
  ['mknod',   'EPERM',  'EEXIST', 'EEXIST' ],
  ['symlink', 'EPERM',  'EEXIST', 'EEXIST' ],
  ['link',    'EPERM',  'EEXIST', 'EEXIST' ],
  ['unlink',  'ENOENT', 'EISDIR', 'EPERM'  ],
  ['rmdir',   'ENOENT', 'EPERM',  'ENOTDIR'],
  ['rename',  'ENOENT', 'EPERM',  'EPERM'  ],
])('%s is refused without the help of the kernel, too', (operation, ...expected) => {
  const root = tree();
  const fileSystem = new FileSystem(root, memoryRun().run, () => {});

  const errnos = ['missing', 'dir', 'file'].map((name) => {
    let errno = 0;
    fileSystem.refuse(operation, root, name, (result) => {
      errno = 'errno' in result ? result.errno : 0;
    });
    return errnoName(-errno);
  });

  expect(errnos).toEqual(expected);
});

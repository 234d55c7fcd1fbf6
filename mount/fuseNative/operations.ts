/** All operations that fuse-native asks for, by path, as operations on nodes. */
import { S_IALLUGO, S_IFDIR, S_IFLNK, S_IFREG } from '../../src/abi/mode.ts';
import type { AttributeChange, Attributes, Entry } from '../../src/sysfs/node.ts';
import type { FileSystem, FileSystemStatistics } from '../fileSystem.ts';
import type { NamespaceOperation } from '../refusals.ts';
import type { Reply } from '../reply.ts';
import type { Done, FuseOperations, FuseStat, FuseStatfs } from './binding.ts';
import { type FileOperation, fileOperations } from './fileOperations.ts';
import { takeAll } from './listing.ts';
import { at, lastName, once, parentPath, to } from './request.ts';

/** chown(2): "leave this one as it is", as an unsigned number. */
const UNCHANGED_ID = 0xffffffff;

const TYPES = { directory: S_IFDIR, file: S_IFREG, symlink: S_IFLNK } as const;

/** The operations of one mount. */
export function fuseOperations(fileSystem: FileSystem): FuseOperations {
  return {
    ...fileOperations(fileSystem),
    ...namespaceOperations(fileSystem),
    ...xattrOperations(fileSystem),
    ...nodeOperations(fileSystem),
  };
}

type XattrOperation = 'setxattr' | 'getxattr' | 'listxattr' | 'removexattr';
type NodeOperation = Exclude<
  keyof FuseOperations,
  FileOperation | XattrOperation | NamespaceOperation
>;

function nodeOperations(fileSystem: FileSystem): Pick<FuseOperations, NodeOperation> {
  const change = (path: string, attributes: AttributeChange, callback: Done) =>
    at({ fileSystem, path, callback }, (node, done) =>
      fileSystem.setattr(node, attributes, finish(fileSystem, done)),
    );

  return {
    getattr: (path, callback) =>
      at({ fileSystem, path, callback }, (node, done) => {
        const found = to(fileSystem, done, (attributes: Attributes) => done(0, toStat(attributes)));
        fileSystem.getattr(node, found);
      }),
    readdir: (path, callback) =>
      at({ fileSystem, path: parentPath(path), callback }, (parent, callback) =>
        at({ fileSystem, path, callback }, (node, done) => {
          const dots = [['.', node] as const, ['..', parent] as const];
          const taken = to(fileSystem, done, (entries: readonly Entry[]) => {
            const all = [...dots, ...entries];
            const names = all.map(([name]) => name);
            done(0, names, all.map(toTypeStat));
          });
          const listed = to(fileSystem, done, (entries: Iterable<Entry>) =>
            takeAll(entries[Symbol.iterator](), taken, fileSystem.onBug),
          );
          fileSystem.readdir(node, listed);
        }),
      ),
    readlink: (path, callback) =>
      at({ fileSystem, path, callback }, (node, done) =>
        fileSystem.readlink(node, send(fileSystem, done)),
      ),
    statfs: (_path, callback) => {
      const done = once(callback);
      const found = to(fileSystem, done, (statistics: FileSystemStatistics) =>
        done(0, toStatfs(statistics)),
      );
      fileSystem.statfs(found);
    },
    truncate: (path, sizeBytes, done) => change(path, { sizeBytes }, done),
    chmod: (path, mode, done) => change(path, { mode: mode & S_IALLUGO }, done),
    chown: (path, uid, gid, done) => change(path, toOwner(uid, gid), done),
    // fuse-native passes atime twice (fuse-native.c, FUSE_METHOD_VOID(utimens): `l->atime` for both)
    // and libfuse 2 calls only when both are to be set: mtime is lost, and so is a change of one.
    utimens: (path, atimeMs, mtimeMs, done) => change(path, { atimeMs, mtimeMs }, done),
  };
}

function namespaceOperations(fileSystem: FileSystem): Pick<FuseOperations, NamespaceOperation> {
  const refuse = (operation: NamespaceOperation, path: string, callback: Done) =>
    at({ fileSystem, path: parentPath(path), callback }, (parent, done) =>
      fileSystem.refuse(operation, parent, lastName(path), finish(fileSystem, done)),
    );

  return {
    create: (path, _mode, done) => refuse('create', path, done),
    mkdir: (path, _mode, done) => refuse('mkdir', path, done),
    mknod: (path, _mode, _device, done) => refuse('mknod', path, done),
    symlink: (_target, path, done) => refuse('symlink', path, done),
    link: (_path, newPath, done) => refuse('link', newPath, done),
    unlink: (path, done) => refuse('unlink', path, done),
    rmdir: (path, done) => refuse('rmdir', path, done),
    rename: (path, _newPath, done) => refuse('rename', path, done),
  };
}

function xattrOperations(fileSystem: FileSystem): Pick<FuseOperations, XattrOperation> {
  return {
    setxattr: (path, name, value, _position, flags, callback) =>
      at({ fileSystem, path, callback }, (node, done) =>
        fileSystem.setxattr(node, { name, value, flags }, finish(fileSystem, done)),
      ),
    getxattr: (path, name, _position, callback) =>
      at({ fileSystem, path, callback }, (node, done) =>
        fileSystem.getxattr(node, name, send(fileSystem, done)),
      ),
    listxattr: (path, callback) =>
      at({ fileSystem, path, callback }, (node, done) =>
        fileSystem.listxattr(node, send(fileSystem, done)),
      ),
    removexattr: (path, name, callback) =>
      at({ fileSystem, path, callback }, (node, done) =>
        fileSystem.removexattr(node, name, finish(fileSystem, done)),
      ),
  };
}

/** Ends a request with success and nothing else. */
function finish(fileSystem: FileSystem, done: Done): Reply<unknown> {
  return to(fileSystem, done, () => done(0));
}

/** Ends a request with a value that needs no translation. */
function send<T>(fileSystem: FileSystem, done: Done<[T]>): Reply<T> {
  return to(fileSystem, done, (value: T) => done(0, value));
}

function toOwner(uid: number, gid: number): AttributeChange {
  return {
    ...(uid === UNCHANGED_ID ? {} : { uid }),
    ...(gid === UNCHANGED_ID ? {} : { gid }),
  };
}

function toTypeStat([, node]: Entry): FuseStat {
  return { ino: node.ino, mode: TYPES[node.kind] };
}

function toStat(attributes: Attributes): FuseStat {
  const { ino, mode, nlink, uid, gid, sizeBytes, atimeMs, mtimeMs, ctimeMs } = attributes;
  const times = { atime: atimeMs, mtime: mtimeMs, ctime: ctimeMs };
  return { ino, mode, nlink, uid, gid, size: sizeBytes, ...times };
}

function toStatfs({ blockSizeBytes, nameLengthBytes }: FileSystemStatistics): FuseStatfs {
  return { bsize: blockSizeBytes, frsize: blockSizeBytes, namemax: nameLengthBytes };
}

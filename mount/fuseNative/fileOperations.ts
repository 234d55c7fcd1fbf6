/** Open files, as fuse-native asks for them: by the number that `open` gave. */
import { assert, ERRNO } from '../../src/abi/errno.ts';
import type { Node, OpenFile } from '../../src/sysfs/node.ts';
import type { FileSystem } from '../fileSystem.ts';
import { HandleTable } from '../handleTable.ts';
import type { Done, FuseOperations } from './binding.ts';
import { at, once, to } from './request.ts';

/** One open, and the node that it is an open of. */
interface Handle {
  readonly node: Node;
  readonly file: OpenFile;
}

/** How long a read may wait: fuse-native does not tell us of signals to the reader. */
const BLOCKED_READ_MS = 1000;

export type FileOperation = 'open' | 'read' | 'write' | 'release' | 'fsync' | 'ftruncate';

/** The operations on open files of one mount, with a table of their own. */
export function fileOperations(fileSystem: FileSystem): Pick<FuseOperations, FileOperation> {
  const handles = new HandleTable<Handle>();

  function opened(fd: number, callback: Done, use: (handle: Handle, done: Done) => void): void {
    const handle = handles.get(fd);
    if (handle) use(handle, once(callback));
    else callback(-ERRNO.EBADF.number);
  }

  return {
    open: (path, flags, callback) =>
      at({ fileSystem, path, callback }, (node, done) => {
        const opened = to(fileSystem, done, (file: OpenFile) =>
          done(0, handles.add({ node, file })),
        );
        fileSystem.open(node, flags, opened);
      }),

    read: (_path, fd, buffer, sizeBytes, offset, callback) =>
      opened(fd, callback, ({ file }, done) => {
        let patience: NodeJS.Timeout | undefined;
        const finish: Done = (status) => {
          clearTimeout(patience);
          done(status);
        };
        const copied = to(fileSystem, finish, (bytes: Uint8Array) => {
          buffer.set(bytes);
          finish(bytes.length);
        });
        const interrupt = fileSystem.read(file, { offset, sizeBytes }, copied);
        if (interrupt) patience = setTimeout(interrupt, BLOCKED_READ_MS);
      }),

    write: (_path, fd, buffer, _sizeBytes, offset, callback) =>
      opened(fd, callback, ({ file }, done) => {
        // The buffer is libfuse's, and gone once the request is answered.
        const data = Uint8Array.from(buffer);
        const written = to(fileSystem, done, (count: number) => {
          assert(count >= 0 && count <= data.length, `${count} of ${data.length} bytes written`);
          done(count);
        });
        fileSystem.write(file, { offset, data }, written);
      }),

    release: (_path, fd, callback) =>
      opened(fd, callback, ({ file }, done) => {
        handles.delete(fd);
        const released = to(fileSystem, done, () => done(0));
        fileSystem.release(file, released);
      }),

    fsync: (_path, _dataOnly, _fd, done) => done(0),

    ftruncate: (_path, fd, sizeBytes, callback) =>
      opened(fd, callback, ({ node }, done) => {
        const truncated = to(fileSystem, done, () => done(0));
        fileSystem.setattr(node, { sizeBytes }, truncated);
      }),
  };
}

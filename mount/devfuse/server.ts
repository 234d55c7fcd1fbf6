/** Serves the requests of one mount: which operation carries out which. */
import { ERRNO } from '../../src/abi/errno.ts';
import type { TreeListener } from '../../src/sysfs/node.ts';
import type { FileSystem } from '../fileSystem.ts';
import { HandleTable } from '../handleTable.ts';
import { WRITE_IN } from '../wire/protocol.ts';
import { cachesOf } from './caches.ts';
import { Channel } from './channel.ts';
import { CONNECTION_OPERATIONS, MAX_WRITE_BYTES } from './connectionOperations.ts';
import { DIRECTORY_OPERATIONS } from './directoryOperations.ts';
import { FILE_OPERATIONS } from './fileOperations.ts';
import { NAME_OPERATIONS } from './nameOperations.ts';
import { NODE_OPERATIONS } from './nodeOperations.ts';
import { NodeTable } from './nodeTable.ts';
import { REFUSED_OPERATIONS } from './refusedOperations.ts';
import { ARGUMENTS, requestReader } from './request.ts';
import type { Operation, Served } from './served.ts';
import { XATTR_OPERATIONS } from './xattrOperations.ts';

/** By opcode. */
const OPERATIONS: readonly (Operation | undefined)[] = byNumber([
  ...CONNECTION_OPERATIONS,
  ...DIRECTORY_OPERATIONS,
  ...FILE_OPERATIONS,
  ...NAME_OPERATIONS,
  ...NODE_OPERATIONS,
  ...REFUSED_OPERATIONS,
  ...XATTR_OPERATIONS,
]);

/** The kernel reads nothing into a smaller one. Source: fs/fuse/dev.c:fuse_dev_do_read(). */
const REQUEST_BYTES = ARGUMENTS + WRITE_IN.sizeBytes + MAX_WRITE_BYTES;

/** The largest answer: a read of as much as one write takes. */
const ANSWER_BYTES = MAX_WRITE_BYTES;

export interface Server {
  /** Each request is read into this. */
  readonly buffer: Buffer;
  /** Serves the request that stands in the buffer. */
  readonly serve: () => void;
  readonly caches: TreeListener;
  /** How many nodes the kernel remembers. */
  readonly knownNodes: () => number;
  /** The kernel has let go: nobody hears us, waits, or has anything open any more. */
  readonly close: () => void;
}

export function createServer(fileSystem: FileSystem, fd: number): Server {
  const { onBug } = fileSystem;
  const channel = new Channel(fd, { bodyBytes: ANSWER_BYTES, onBug });
  const nodes = new NodeTable(fileSystem.root);
  const served: Served = {
    fileSystem,
    channel,
    nodes,
    files: new HandleTable(),
    listings: new HandleTable(),
    waiting: new Map(),
  };
  const buffer = Buffer.alloc(REQUEST_BYTES);
  const readRequest = requestReader(buffer);
  return {
    buffer,
    serve: () => {
      const request = readRequest();
      try {
        const operation = OPERATIONS[request.opcode] ?? unknown;
        operation(served, request);
      } catch (error) {
        onBug(error);
        channel.fail(request.unique, -ERRNO.EIO.number);
      }
    },
    caches: cachesOf(nodes, channel),
    knownNodes: () => nodes.size,
    close: () => {
      channel.close();
      for (const interrupt of served.waiting.values()) interrupt();
      for (const file of served.files.values()) fileSystem.release(file, () => {});
    },
  };
}

function byNumber<T>(rows: Iterable<readonly [number, T]>): (T | undefined)[] {
  const table: (T | undefined)[] = [];
  for (const [number, value] of rows) table[number] = value;
  return table;
}

/** Of a newer kernel: it goes on without. */
const unknown: Operation = ({ channel }, { unique }) => channel.fail(unique, -ERRNO.ENOSYS.number);

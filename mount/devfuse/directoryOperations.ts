/** Open directories. Source: fs/fuse/readdir.c. */
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../src/abi/mode.ts';
import type { Entry, Node } from '../../src/sysfs/node.ts';
import { DIRENT, ENTRY_OUT, OPCODE, OPEN_OUT, READ_IN, RELEASE_IN } from '../wire/protocol.ts';
import { toEntryOut } from './attributes.ts';
import { BODY } from './channel.ts';
import { Listing } from './listing.ts';
import type { Known } from './nodeTable.ts';
import { ARGUMENTS } from './request.ts';
import { fail, type Operation, replyTo, type Served } from './served.ts';

/** Source: fs/fs_types.c:fs_umode_to_dtype(), DT_*. */
const DT_SHIFT = 12;
const TYPES = {
  directory: S_IFDIR >> DT_SHIFT,
  file: S_IFREG >> DT_SHIFT,
  symlink: S_IFLNK >> DT_SHIFT,
} as const;

/** Source: FUSE_DIRENT_ALIGN(). */
const ALIGNMENT = 8;

const opendir: Operation = (served, request) => {
  const { channel, nodes, listings } = served;
  if (nodes.get(request.nodeId).node.kind !== 'directory') {
    fail(served, request, 'ENOTDIR');
    return;
  }
  OPEN_OUT.set(channel.view, BODY, { fh: listings.add(new Listing()) });
  channel.send(request.unique, OPEN_OUT.sizeBytes);
};

const releasedir: Operation = ({ channel, listings }, { unique, view }) => {
  listings.delete(RELEASE_IN.fields.fh.get(view, ARGUMENTS));
  channel.send(unique, 0);
};

/** What stands before each entry: room for it, and what fills it. */
interface Head {
  readonly sizeBytes: number;
  readonly put: (served: Served, at: number, found: { directory: Known; entry: Entry }) => void;
}

const NO_HEAD: Head = { sizeBytes: 0, put: () => {} };
/** What LOOKUP would answer: counted as one, too. */
const LOOKUP_HEAD: Head = { sizeBytes: ENTRY_OUT.sizeBytes, put: putLookup };

function readdir(head: Head): Operation {
  return (served, request) => {
    const { fileSystem, nodes, listings } = served;
    const listing = listings.get(READ_IN.fields.fh.get(request.view, ARGUMENTS));
    if (!listing) {
      fail(served, request, 'EBADF');
      return;
    }
    const directory = nodes.get(request.nodeId);
    const from = READ_IN.fields.offset.get(request.view, ARGUMENTS);
    const roomBytes = READ_IN.fields.size.get(request.view, ARGUMENTS);
    const put = () => putEntries(served, { listing, directory, head }, { from, roomBytes });
    if (from > 0) {
      replyTo(served, request, put)({ value: undefined });
      return;
    }
    const listed = replyTo(served, request, (entries: Iterable<Entry>) => {
      listing.begin(dotsOf(directory), entries);
      return put();
    });
    fileSystem.readdir(directory.node, listed);
  };
}

function dotsOf(directory: Known): Entry[] {
  return [
    ['.', directory.node],
    ['..', directory.parent?.node ?? directory.node],
  ];
}

/** As many whole entries as there is room for. */
function putEntries(
  served: Served,
  { listing, directory, head }: { listing: Listing; directory: Known; head: Head },
  { from, roomBytes }: { from: number; roomBytes: number },
): number {
  const { channel } = served;
  const end = Math.min(BODY + roomBytes, channel.out.length);
  let at = BODY;
  for (let listed = listing.at(from); listed; listed = listing.at(listed.next)) {
    const { entry, next } = listed;
    const [name, { ino, kind }] = entry;
    const namelen = Buffer.byteLength(name);
    const nameAt = at + head.sizeBytes + DIRENT.sizeBytes;
    const entryEnd = Math.ceil((nameAt + namelen) / ALIGNMENT) * ALIGNMENT;
    if (entryEnd > end) break;
    head.put(served, at, { directory, entry });
    DIRENT.set(channel.view, at + head.sizeBytes, { ino, off: next, namelen, type: TYPES[kind] });
    channel.out.write(name, nameAt);
    channel.out.fill(0, nameAt + namelen, entryEnd);
    at = entryEnd;
  }
  return at - BODY;
}

/** Node 0 tells the kernel nothing: what it may not remember, it looks up when it needs it. */
function putLookup(
  { channel, nodes }: Served,
  at: number,
  { directory, entry: [name, { revalidated }] }: { directory: Known; entry: Entry },
): void {
  const isForgotten = revalidated || name === '.' || name === '..';
  const node = isForgotten ? undefined : childOf(directory.node, name);
  const known = node && !node.revalidated ? nodes.found(directory, name, node) : undefined;
  ENTRY_OUT.set(channel.view, at, known ? toEntryOut(known) : {});
}

function childOf(node: Node, name: string): Node | undefined {
  return node.kind === 'directory' ? node.lookup(name) : undefined;
}

export const DIRECTORY_OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  [OPCODE.OPENDIR, opendir],
  [OPCODE.READDIR, readdir(NO_HEAD)],
  [OPCODE.READDIRPLUS, readdir(LOOKUP_HEAD)],
  [OPCODE.RELEASEDIR, releasedir],
]);

/** Open files. Source: fs/fuse/file.c. */
import { assert } from '../../src/abi/errno.ts';
import type { OpenFile } from '../../src/sysfs/node.ts';
import {
  FOPEN,
  NOTIFY,
  NOTIFY_POLL_OUT,
  OPCODE,
  OPEN_IN,
  OPEN_OUT,
  POLL_IN,
  POLL_OUT,
  POLL_SCHEDULE_NOTIFY,
  READ_IN,
  RELEASE_IN,
  WRITE_IN,
  WRITE_OUT,
} from '../wire/protocol.ts';
import type { Field } from '../wire/struct.ts';
import { BODY } from './channel.ts';
import { noticeOf } from './notice.ts';
import { ARGUMENTS, type Request } from './request.ts';
import {
  fail,
  nodeByNames,
  nothing,
  type Operation,
  replyByTask,
  replyTo,
  type Served,
} from './served.ts';

/**
 * direct_io: sizes are not lengths, every read reaches us. Several may be inside a write to one file
 * at a time, as in sysfs, unless it goes beyond the size: which is 0 after an open with O_TRUNC.
 * Source: fs/fuse/file.c:fuse_dio_wr_exclusive_lock(), fuse_finish_open().
 */
const OPEN_FLAGS = FOPEN.DIRECT_IO | FOPEN.PARALLEL_DIRECT_WRITES;

/** Whoever is woken looks at what has changed. */
const BEHIND_ALL_OTHERS = Number.POSITIVE_INFINITY;

const DATA = ARGUMENTS + WRITE_IN.sizeBytes;

const open: Operation = (served, request) => {
  const { fileSystem, channel, files } = served;
  const known = nodeByNames(served, request);
  if (!known) return;
  const flags = OPEN_IN.fields.flags.get(request.view, ARGUMENTS);
  const opened = replyTo(served, request, (file: OpenFile) => {
    OPEN_OUT.set(channel.view, BODY, { fh: files.add(file), open_flags: OPEN_FLAGS });
    return OPEN_OUT.sizeBytes;
  });
  fileSystem.open(known.node, flags, opened, request.caller);
};

const read: Operation = (served, request) => {
  const { fileSystem, channel, waiting } = served;
  const file = openedFile(served, request, READ_IN.fields.fh);
  if (!file) return;
  const offset = READ_IN.fields.offset.get(request.view, ARGUMENTS);
  const sizeBytes = READ_IN.fields.size.get(request.view, ARGUMENTS);
  const done = replyByTask(served, request, (bytes: Uint8Array) => {
    assert(bytes.length <= sizeBytes, `${bytes.length} bytes where ${sizeBytes} were asked for`);
    channel.out.set(bytes, BODY);
    return bytes.length;
  });
  const interrupt = fileSystem.read(file, { offset, sizeBytes }, done, request.caller);
  if (interrupt) waiting.set(request.unique, interrupt);
};

const write: Operation = (served, request) => {
  const { fileSystem, channel, waiting } = served;
  const file = openedFile(served, request, WRITE_IN.fields.fh);
  if (!file) return;
  const offset = WRITE_IN.fields.offset.get(request.view, ARGUMENTS);
  const data = Uint8Array.from(request.bytes.subarray(DATA, request.end));
  const written = replyByTask(served, request, (count: number) => {
    assert(count >= 0 && count <= data.length, `${count} of ${data.length} bytes written`);
    WRITE_OUT.set(channel.view, BODY, { size: count });
    return WRITE_OUT.sizeBytes;
  });
  const interrupt = fileSystem.write(file, { offset, data }, written, request.caller);
  if (interrupt) waiting.set(request.unique, interrupt);
};

const release: Operation = (served, request) => {
  const file = openedFile(served, request, RELEASE_IN.fields.fh);
  if (!file) return;
  served.files.delete(RELEASE_IN.fields.fh.get(request.view, ARGUMENTS));
  served.fileSystem.release(file, replyTo(served, request, nothing));
};

/** Who polls is told once that it is worth asking again. Source: fuse_file_poll(). */
const poll: Operation = (served, request) => {
  const { fileSystem, channel } = served;
  const file = openedFile(served, request, POLL_IN.fields.fh);
  if (!file) return;
  const { view } = request;
  const wantsNotice = POLL_IN.fields.flags.get(view, ARGUMENTS) & POLL_SCHEDULE_NOTIFY;
  const kh = POLL_IN.fields.kh.get(view, ARGUMENTS);
  const told = { code: NOTIFY.POLL, body: NOTIFY_POLL_OUT, values: { kh } };
  const wake = () => channel.notify(noticeOf(told, BEHIND_ALL_OTHERS));
  const polled = replyTo(served, request, (revents: number) => {
    POLL_OUT.set(channel.view, BODY, { revents });
    return POLL_OUT.sizeBytes;
  });
  fileSystem.poll(file, wantsNotice ? wake : undefined, polled);
};

export const FILE_OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  [OPCODE.OPEN, open],
  [OPCODE.READ, read],
  [OPCODE.WRITE, write],
  [OPCODE.RELEASE, release],
  [OPCODE.POLL, poll],
]);

function openedFile(served: Served, request: Request, fh: Field): OpenFile | undefined {
  const file = served.files.get(fh.get(request.view, ARGUMENTS));
  if (!file) fail(served, request, 'EBADF');
  return file;
}

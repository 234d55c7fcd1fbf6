/** The connection itself: how it begins and ends, and signals to clients. Source: fs/fuse/inode.c. */
import {
  INIT_FLAG,
  INIT_IN,
  INIT_OUT,
  INTERRUPT_IN,
  OLDEST_MINOR,
  OPCODE,
  VERSION,
} from '../wire/protocol.ts';
import { BODY } from './channel.ts';
import { ARGUMENTS } from './request.ts';
import { fail, type Operation } from './served.ts';

/** As libfuse 2 has it: a longer write comes in pieces of 32 pages. */
export const MAX_WRITE_BYTES = 32 * 4096;

/** O_TRUNC comes with the open; listings tell of nodes; several may look into one directory. */
const WANTED =
  INIT_FLAG.ATOMIC_O_TRUNC |
  INIT_FLAG.BIG_WRITES |
  INIT_FLAG.DO_READDIRPLUS |
  INIT_FLAG.READDIRPLUS_AUTO |
  INIT_FLAG.PARALLEL_DIROPS;

const NANOSECOND = 1;

/** A newer kernel asks again, in the version that we name. */
const init: Operation = (served, request) => {
  const { channel } = served;
  const given = (name: keyof typeof INIT_IN.fields) =>
    INIT_IN.fields[name].get(request.view, ARGUMENTS);
  const [major, minor] = [given('major'), given('minor')];
  if (major < VERSION.major || (major === VERSION.major && minor < OLDEST_MINOR)) {
    fail(served, request, 'EPROTO');
    return;
  }
  INIT_OUT.set(channel.view, BODY, {
    ...VERSION,
    max_readahead: given('max_readahead'),
    flags: given('flags') & WANTED,
    max_write: MAX_WRITE_BYTES,
    time_gran: NANOSECOND,
  });
  channel.send(request.unique, INIT_OUT.sizeBytes);
};

/** Not answered itself; whoever is not there any more has been answered. */
const interrupt: Operation = ({ waiting }, { view }) => {
  waiting.get(INTERRUPT_IN.fields.unique.get(view, ARGUMENTS))?.();
};

const destroy: Operation = ({ channel }, { unique }) => channel.send(unique, 0);

export const CONNECTION_OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  [OPCODE.INIT, init],
  [OPCODE.INTERRUPT, interrupt],
  [OPCODE.DESTROY, destroy],
]);

/** One request of the kernel, as it stands in the buffer that it was read into. */
import type { Caller } from '../../src/sysfs/node.ts';
import { IN_HEADER } from '../wire/protocol.ts';

const { len, opcode, unique, nodeid, uid, gid, pid } = IN_HEADER.fields;

/** Where what belongs to the opcode begins. */
export const ARGUMENTS = IN_HEADER.sizeBytes;

/** Valid until the next one is read: what is needed later has to be copied. */
export interface Request {
  readonly opcode: number;
  /** Names the request in its answer. */
  readonly unique: number;
  readonly nodeId: number;
  readonly caller: Caller;
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where it ends in `bytes`. */
  readonly end: number;
}

/** Reads requests out of a buffer that each of them comes in. */
export function requestReader(bytes: Buffer): () => Request {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return () => ({
    opcode: opcode.get(view, 0),
    unique: unique.get(view, 0),
    nodeId: nodeid.get(view, 0),
    caller: { pid: pid.get(view, 0), uid: uid.get(view, 0), gid: gid.get(view, 0) },
    bytes,
    view,
    end: len.get(view, 0),
  });
}

/** A name that ends with a NUL, as it stands at an offset. */
export function nameAt({ bytes }: Request, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}

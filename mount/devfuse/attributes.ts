/** What stat(2) says, as the kernel takes it, and for how long it may remember it. */
import { PAGE_SIZE, S_IALLUGO } from '../../src/abi/mode.ts';
import type { AttributeChange, Attributes, Node } from '../../src/sysfs/node.ts';
import type { ATTR_OUT, ENTRY_OUT } from '../wire/protocol.ts';
import { FATTR, SETATTR_IN } from '../wire/protocol.ts';
import type { ValuesOf } from '../wire/struct.ts';
import type { Known } from './nodeTable.ts';
import { ARGUMENTS, type Request } from './request.ts';

/** Whoever remembers so long is told of every change. */
const REMEMBERED_S = 24 * 3600;

type AttrOut = ValuesOf<typeof ATTR_OUT>;
type EntryOut = ValuesOf<typeof ENTRY_OUT>;

export function toAttrOut(node: Node, attributes: Attributes): AttrOut {
  return { attr_valid: secondsToRemember(node), ...toAttr(attributes) };
}

/** An answer to LOOKUP. Names that are not there are not remembered. */
export function toEntryOut({ id, node }: Known): EntryOut {
  const seconds = secondsToRemember(node);
  return {
    nodeid: id,
    generation: node.generation ?? 0,
    entry_valid: seconds,
    attr_valid: seconds,
    ...toAttr(node.attributes()),
  };
}

function secondsToRemember({ revalidated }: Node): number {
  return revalidated ? 0 : REMEMBERED_S;
}

function toAttr(attributes: Attributes): AttrOut & EntryOut {
  const { ino, sizeBytes, mode, nlink, uid, gid } = attributes;
  const [atime, atimensec] = toTime(attributes.atimeMs);
  const [mtime, mtimensec] = toTime(attributes.mtimeMs);
  const [ctime, ctimensec] = toTime(attributes.ctimeMs);
  const times = { atime, atimensec, mtime, mtimensec, ctime, ctimensec };
  return { ino, size: sizeBytes, ...times, mode, nlink, uid, gid, blksize: PAGE_SIZE };
}

const MS_PER_S = 1000;
const US_PER_MS = 1000;
const US_PER_S = 1e6;
const NS_PER_US = 1000;
const NS_PER_MS = 1e6;

/** Seconds and nanoseconds. Finer than a microsecond, milliseconds of today are no exact numbers. */
function toTime(ms: number): [seconds: number, nanoseconds: number] {
  const us = Math.round(ms * US_PER_MS);
  const seconds = Math.floor(us / US_PER_S);
  return [seconds, (us - seconds * US_PER_S) * NS_PER_US];
}

const { valid, mode, uid, gid, size, atime, mtime, atimensec, mtimensec } = SETATTR_IN.fields;

/** What SETATTR asks to change. Source: fs/fuse/dir.c:iattr_to_fattr(). */
export function attributeChangeOf({ view }: Request): AttributeChange {
  const asked = valid.get(view, ARGUMENTS);
  const has = (flag: number) => (asked & flag) !== 0;
  const number = (field: typeof mode) => field.get(view, ARGUMENTS);
  const time = (seconds: typeof atime, nanoseconds: typeof atimensec, now: number) =>
    has(now) ? 'now' : number(seconds) * MS_PER_S + number(nanoseconds) / NS_PER_MS;
  return {
    ...(has(FATTR.MODE) && { mode: number(mode) & S_IALLUGO }),
    ...(has(FATTR.UID) && { uid: number(uid) }),
    ...(has(FATTR.GID) && { gid: number(gid) }),
    ...(has(FATTR.SIZE) && { sizeBytes: number(size) }),
    ...(has(FATTR.ATIME) && { atimeMs: time(atime, atimensec, FATTR.ATIME_NOW) }),
    ...(has(FATTR.MTIME) && { mtimeMs: time(mtime, mtimensec, FATTR.MTIME_NOW) }),
  };
}

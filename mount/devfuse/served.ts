/** What the operations of one mount work on, and how they answer. */
import { ERRNO } from '../../src/abi/errno.ts';
import type { OpenFile } from '../../src/sysfs/node.ts';
import type { FileSystem } from '../fileSystem.ts';
import type { HandleTable } from '../handleTable.ts';
import type { Interrupt, Reply } from '../reply.ts';
import type { Channel } from './channel.ts';
import type { Listing } from './listing.ts';
import type { Known, NodeTable } from './nodeTable.ts';
import type { Request } from './request.ts';

export interface Served {
  readonly fileSystem: FileSystem;
  readonly channel: Channel;
  readonly nodes: NodeTable;
  readonly files: HandleTable<OpenFile>;
  readonly listings: HandleTable<Listing>;
  /** Requests that wait for the machine, and how a signal reaches them. */
  readonly waiting: Map<number, Interrupt>;
}

/** Carries out one request; what it answers, it answers by itself. */
export type Operation = (served: Served, request: Request) => void;

/** A body, put at `BODY` into the channel's buffer; how many bytes it has. */
export type Encode<T> = (value: T) => number;

/** Answers a request with what becomes of it, now or later. */
export function replyTo<T>(served: Served, { unique }: Request, encode: Encode<T>): Reply<T> {
  return (result) => {
    if ('errno' in result) served.channel.fail(unique, result.errno);
    else sendEncoded(served, unique, () => encode(result.value));
  };
}

/**
 * The same for what a task of the machine does: it may wait, and be interrupted, and others are to
 * see what it has changed before its client goes on.
 */
export function replyByTask<T>(served: Served, request: Request, encode: Encode<T>): Reply<T> {
  const { channel, waiting } = served;
  const reply = replyTo(served, request, encode);
  return (result) => {
    waiting.delete(request.unique);
    channel.afterNotices(() => reply(result));
  };
}

/**
 * The node of a request that has come by names; undefined if it was refused, since the kernel has
 * come by a name that is gone, and has not heard of it. ESTALE lets it find its way anew, asking us
 * for every name. Source: fs/namei.c:path_openat(), LOOKUP_REVAL.
 */
export function nodeByNames(served: Served, request: Request): Known | undefined {
  const { channel, nodes } = served;
  const known = nodes.get(request.nodeId);
  if (!channel.isBehind || nodes.isReachable(known)) return known;
  fail(served, request, 'ESTALE');
  return undefined;
}

/** Answers without a value. */
export function nothing(): number {
  return 0;
}

export function fail({ channel }: Served, { unique }: Request, code: keyof typeof ERRNO): void {
  channel.fail(unique, -ERRNO[code].number);
}

function sendEncoded({ channel, fileSystem }: Served, unique: number, encode: () => number): void {
  let bodyBytes: number;
  try {
    bodyBytes = encode();
  } catch (error) {
    fileSystem.onBug(error);
    channel.fail(unique, -ERRNO.EIO.number);
    return;
  }
  channel.send(unique, bodyBytes);
}

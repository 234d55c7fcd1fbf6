/**
 * Reading text that is made when it is read: seq_file.
 *
 * A read at offset 0 makes the text; a read that continues gets the rest of the same text. Any
 * other offset makes it anew and skips.
 *
 * Source: fs/seq_file.c:seq_read().
 */
import { encodeUtf8 } from '../abi/bytes.ts';
import type { Context } from '../engine/sched/context.ts';
import { type Answer, isContext } from './node.ts';

export interface Snapshot {
  bytes: Uint8Array;
  /** Where a read has to begin in order to continue. */
  position: number;
}

/** Where the text comes from. */
export interface TextSource {
  readonly show: () => Answer<string>;
  /** Fails where the object is gone; asked before every read that is not served from the text. */
  readonly requireLive?: () => void;
}

const NOTHING = new Uint8Array(0);

export function createSnapshot(): Snapshot {
  return { bytes: NOTHING, position: 0 };
}

export function readSnapshot(
  snapshot: Snapshot,
  offset: number,
  sizeBytes: number,
  source: TextSource,
): Answer<Uint8Array> {
  const continues = offset > 0 && offset === snapshot.position;
  if (continues && offset < snapshot.bytes.length) return take(snapshot, offset, sizeBytes);
  source.requireLive?.();
  if (continues) return NOTHING;
  const text = source.show();
  return isContext(text)
    ? takeLater(snapshot, offset, sizeBytes, text)
    : takeNew(snapshot, offset, sizeBytes, text);
}

function* takeLater(
  snapshot: Snapshot,
  offset: number,
  sizeBytes: number,
  text: Context<string>,
): Context<Uint8Array> {
  return takeNew(snapshot, offset, sizeBytes, yield* text);
}

function takeNew(snapshot: Snapshot, offset: number, sizeBytes: number, text: string): Uint8Array {
  snapshot.bytes = encodeUtf8(text);
  return take(snapshot, offset, sizeBytes);
}

function take(snapshot: Snapshot, offset: number, sizeBytes: number): Uint8Array {
  const taken = snapshot.bytes.subarray(offset, offset + sizeBytes);
  snapshot.position = offset + taken.length;
  return taken;
}

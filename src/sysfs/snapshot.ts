/**
 * Reading text that is made when it is read: seq_file.
 *
 * A read at offset 0 begins the text; a read that continues gets the rest of the same text. Any
 * other offset begins it anew and skips. A long text is made in pieces, each when a read gets there.
 *
 * Source: fs/seq_file.c:seq_read(), traverse().
 */
import { encodeUtf8, joinBytes } from '../abi/bytes.ts';
import type { Context } from '../engine/sched/context.ts';
import { type Answer, isContext } from './node.ts';

/** The whole text, or what makes it piece by piece. */
export type Text = string | { readonly pieces: Iterable<string> };

export interface Snapshot {
  /** What was made of the text and not yet passed by, and where in the text that begins. */
  bytes: Uint8Array;
  start: number;
  rest: Iterator<string> | undefined;
  /** Where a read has to begin in order to continue. */
  position: number;
  /** The text was made at least once. */
  wasShown: boolean;
}

/** Where the text comes from. */
export interface TextSource {
  readonly show: () => Answer<Text>;
  /** Fails where the object is gone; asked before every read that is not served from the text. */
  readonly requireLive?: () => void;
}

const NOTHING = new Uint8Array(0);

export function createSnapshot(): Snapshot {
  return { bytes: NOTHING, start: 0, rest: undefined, position: 0, wasShown: false };
}

export function readSnapshot(
  snapshot: Snapshot,
  offset: number,
  sizeBytes: number,
  source: TextSource,
): Answer<Uint8Array> {
  const continues = offset > 0 && offset === snapshot.position;
  if (continues) fill(snapshot, offset, sizeBytes);
  const madeBytes = snapshot.start + snapshot.bytes.length;
  if (continues && offset < madeBytes) return take(snapshot, offset, sizeBytes);
  source.requireLive?.();
  if (continues) return NOTHING;
  const text = source.show();
  snapshot.wasShown = true;
  return isContext(text)
    ? takeLater(snapshot, offset, sizeBytes, text)
    : takeNew(snapshot, offset, sizeBytes, text);
}

function* takeLater(
  snapshot: Snapshot,
  offset: number,
  sizeBytes: number,
  text: Context<Text>,
): Context<Uint8Array> {
  return takeNew(snapshot, offset, sizeBytes, yield* text);
}

function takeNew(snapshot: Snapshot, offset: number, sizeBytes: number, text: Text): Uint8Array {
  snapshot.start = 0;
  snapshot.bytes = typeof text === 'string' ? encodeUtf8(text) : NOTHING;
  snapshot.rest = typeof text === 'string' ? undefined : text.pieces[Symbol.iterator]();
  fill(snapshot, offset, sizeBytes);
  return take(snapshot, offset, sizeBytes);
}

/** Makes pieces until there is enough for the read, and forgets what lies before it. */
function fill(snapshot: Snapshot, offset: number, sizeBytes: number): void {
  if (!snapshot.rest) return;
  const end = snapshot.start + snapshot.bytes.length;
  const made = [snapshot.bytes, encodeUtf8(takePieces(snapshot, offset + sizeBytes - end))];
  const joined = joinBytes(made);
  const passed = Math.min(Math.max(0, offset - snapshot.start), joined.length);
  snapshot.bytes = joined.subarray(passed);
  snapshot.start += passed;
}

/** At least so many characters, each at least a byte, unless the text ends. */
function takePieces(snapshot: Snapshot, count: number): string {
  const pieces: string[] = [];
  for (let taken = 0; taken < count; ) {
    const piece = snapshot.rest?.next();
    if (!piece || piece.done) {
      snapshot.rest = undefined;
      break;
    }
    pieces.push(piece.value);
    taken += piece.value.length;
  }
  return pieces.join('');
}

function take(snapshot: Snapshot, offset: number, sizeBytes: number): Uint8Array {
  const { bytes, start } = snapshot;
  const first = Math.max(0, offset - start);
  const isWhole = first === 0 && sizeBytes >= bytes.length;
  const taken = isWhole ? bytes : bytes.slice(first, first + sizeBytes);
  snapshot.position = offset + taken.length;
  return taken;
}

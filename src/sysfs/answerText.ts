/**
 * What an open file answers after it was asked by a write: a text that may still be growing.
 *
 * Offsets go on after the request, and mean nothing but steps: one that goes back, as of a shell that
 * reads ahead and returns to where its line ended, goes back in the text.
 */
import { encodeUtf8, joinBytes } from '../abi/bytes.ts';

export interface AnswerText {
  /** The bytes from `start` on, of which the next read gets those at `position`. */
  pieces: Uint8Array[];
  start: number;
  position: number;
  /** The offset at which a read continues. */
  expected: number;
}

/** How much of what was read can be read again. */
const KEPT_BYTES = 64 * 1024;

/** `offset`: where the request ended. */
export function createAnswer(offset: number): AnswerText {
  return { pieces: [], start: 0, position: 0, expected: offset };
}

export function extendAnswer(answer: AnswerText, text: string): void {
  answer.pieces.push(encodeUtf8(text));
}

/** Steps to where a read begins. */
export function seekAnswer(answer: AnswerText, offset: number): void {
  answer.position = Math.max(answer.start, answer.position + offset - answer.expected);
  answer.expected = offset;
}

/** What is there, from where the last read ended; nothing at the end. */
export function takeAnswer(answer: AnswerText, sizeBytes: number): Uint8Array {
  const bytes = joinBytes(answer.pieces);
  const first = answer.position - answer.start;
  const taken = bytes.slice(first, first + sizeBytes);
  answer.position += taken.length;
  answer.expected += taken.length;
  const passed = Math.max(0, answer.position - KEPT_BYTES - answer.start);
  answer.pieces = [bytes.subarray(passed)];
  answer.start += passed;
  return taken;
}

export function unreadBytes({ pieces, start, position }: AnswerText): number {
  return start + pieces.reduce((sum, { length }) => sum + length, 0) - position;
}

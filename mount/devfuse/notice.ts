/** What the kernel is told unasked. Source: fs/fuse/dev.c:fuse_notify(). */
import { OUT_HEADER } from '../wire/protocol.ts';
import type { Layout, Struct, Values } from '../wire/struct.ts';

/** A message as it is written, and its place among others. */
export interface Notice {
  readonly message: Uint8Array;
  readonly rank: number;
}

/** What a notice says: a struct, and a name behind it where it has one. */
export interface Told<L extends Layout> {
  readonly code: number;
  readonly body: Struct<L>;
  readonly values: Values<L>;
  readonly name?: Uint8Array;
}

const NO_NAME = new Uint8Array(0);

export function noticeOf<L extends Layout>(
  { code, body, values, name = NO_NAME }: Told<L>,
  rank: number,
): Notice {
  const start = OUT_HEADER.sizeBytes;
  const message = new Uint8Array(start + body.sizeBytes + name.length);
  const view = new DataView(message.buffer);
  OUT_HEADER.set(view, 0, { len: message.length, error: code });
  body.set(view, start, values);
  message.set(name, start + body.sizeBytes);
  return { message, rank };
}

/** What the kernel is told unasked. Source: fs/fuse/dev.c:fuse_notify(). */
import { OUT_HEADER } from '../wire/protocol.ts';
import type { Layout, Struct, Values } from '../wire/struct.ts';

const NO_NAME = new Uint8Array(0);

/** A notice: a struct, and a name behind it where it has one. */
export function noticeOf<L extends Layout>(
  code: number,
  body: Struct<L>,
  values: Values<L>,
  name: Uint8Array = NO_NAME,
): Uint8Array {
  const start = OUT_HEADER.sizeBytes;
  const message = new Uint8Array(start + body.sizeBytes + name.length);
  const view = new DataView(message.buffer);
  OUT_HEADER.set(view, 0, { len: message.length, error: code });
  body.set(view, start, values);
  message.set(name, start + body.sizeBytes);
  return message;
}

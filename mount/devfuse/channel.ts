/**
 * What we write to /dev/fuse: answers at once, notices one after the other behind the scenes.
 *
 * A notice may wait in the kernel for a directory that a lookup holds which we have yet to answer,
 * so it is never written by the thread that answers. Answers that may tell of a change wait until
 * the notices of it are through: whoever reads that a patch is gone does not find it in a cache.
 *
 * Source: fs/fuse/dev.c:fuse_dev_do_write(), fuse_notify_inval_entry(); fs/fuse/dir.c:
 * fuse_reverse_inval_entry(), which takes the directory's lock.
 */
import { write, writeSync } from 'node:fs';
import type { OnBug } from '../reply.ts';
import { OUT_HEADER } from '../wire/protocol.ts';
import type { Notice } from './notice.ts';

const { len, error, unique } = OUT_HEADER.fields;
const HEADER_BYTES = OUT_HEADER.sizeBytes;

/** Where an answer's body begins in the buffer. */
export const BODY = HEADER_BYTES;

/**
 * The client is gone (ENOENT), or the mount is: nobody waits for what we say.
 * Source: fuse_dev_do_write(), request_find(); fuse_dev_write() without a connection.
 */
const NOBODY_LISTENS = new Set(['ENOENT', 'ENODEV', 'ENOTCONN', 'EPERM']);

export class Channel {
  /** An answer is put together here, from `BODY` on, and sent before anything else happens. */
  readonly out: Buffer;
  readonly view: DataView;
  readonly #fd: number;
  readonly #onBug: OnBug;
  /** By rank. */
  readonly #notices: Notice[] = [];
  #noticing = false;
  #closed = false;
  /** Answers that are not to overtake notices. */
  readonly #heldBack: (() => void)[] = [];

  constructor(fd: number, { bodyBytes, onBug }: { bodyBytes: number; onBug: OnBug }) {
    this.#fd = fd;
    this.#onBug = onBug;
    this.out = Buffer.alloc(HEADER_BYTES + bodyBytes);
    this.view = new DataView(this.out.buffer, this.out.byteOffset, this.out.length);
  }

  /** Answers with so many bytes that stand in the buffer. */
  send(request: number, bodyBytes: number): void {
    this.#send(request, 0, bodyBytes);
  }

  /** Answers with a negative errno. */
  fail(request: number, errno: number): void {
    this.#send(request, errno, 0);
  }

  /** The kernel has not heard of all yet that has changed. */
  get isBehind(): boolean {
    return this.#noticing;
  }

  /** Calls back when the kernel has heard of all that has changed until now; mostly at once. */
  afterNotices(send: () => void): void {
    if (this.#noticing) this.#heldBack.push(send);
    else send();
  }

  /** Tells the kernel something unasked. Of what is told in one go, lower ranks go first. */
  notify(notice: Notice): void {
    if (this.#closed) return;
    const behind = this.#notices.findIndex(({ rank }) => rank > notice.rank);
    this.#notices.splice(behind < 0 ? this.#notices.length : behind, 0, notice);
    if (this.#noticing) return;
    this.#noticing = true;
    queueMicrotask(() => this.#writeNextNotice());
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true;
    this.#notices.length = 0;
    this.#heldBack.length = 0;
  }

  #send(request: number, errno: number, bodyBytes: number): void {
    if (this.#closed) return;
    const total = HEADER_BYTES + bodyBytes;
    len.set(this.view, 0, total);
    error.set(this.view, 0, errno);
    unique.set(this.view, 0, request);
    try {
      writeSync(this.#fd, this.out, 0, total);
    } catch (cause) {
      this.#hearsNobody(cause, `an answer of ${total} bytes, errno ${errno}`);
    }
  }

  #writeNextNotice(): void {
    if (this.#closed) return;
    const notice = this.#notices.shift();
    if (!notice) {
      this.#noticing = false;
      for (const send of this.#heldBack.splice(0)) send();
      return;
    }
    const { message } = notice;
    write(this.#fd, message, (cause) => {
      if (cause) this.#hearsNobody(cause, `a notice of ${message.length} bytes`);
      this.#writeNextNotice();
    });
  }

  #hearsNobody(cause: unknown, what: string): void {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (!NOBODY_LISTENS.has(code)) this.#onBug(new Error(`FUSE refused ${what}`, { cause }));
  }
}

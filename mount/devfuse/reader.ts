/** How requests come in from /dev/fuse: one read(2), one request. */

/** Where requests go. */
export interface RequestSink {
  /** Each request is read into this, and served before the next is read. */
  readonly buffer: Buffer;
  readonly serve: () => void;
  /** Called once, before the descriptor is closed: nothing may be written to it from then on. */
  readonly close: () => void;
  /** Asks for the descriptor to be closed before the kernel lets go. */
  readonly letGo: AbortSignal;
}

/**
 * Reads a connected /dev/fuse until the kernel lets go of it, and closes it. Rejects when reading
 * fails for any other reason than that.
 */
export type DeviceReader = (fd: number, sink: RequestSink) => Promise<void>;

/** The mount is gone, or was aborted. Source: fs/fuse/dev.c:fuse_dev_do_read(). */
export function isEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENODEV';
}

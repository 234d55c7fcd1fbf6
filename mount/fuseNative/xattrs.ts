/**
 * Reading extended attributes without reading past a buffer.
 *
 * fuse-native's own handlers answer with the length of the value even when the client's buffer is
 * shorter, and libfuse then sends what lies behind it; listing adds 128 bytes that do not exist.
 * getxattr(2) wants ERANGE, and the length for a buffer of none.
 */
import { ERRNO } from '../../src/abi/errno.ts';
import type { FuseNative, FuseOperations, Signal } from './binding.ts';

/** Replaces the two handlers of one mount. */
export function readXattrsInBounds(fuse: FuseNative, operations: FuseOperations): FuseNative {
  fuse._op_getxattr = (signal, path, name, buffer, position) =>
    operations.getxattr(path, name, position, (status, value?) =>
      fill(buffer, status, value, signal),
    );
  fuse._op_listxattr = (signal, path, buffer) =>
    operations.listxattr(path, (status, names?) =>
      fill(buffer, status, names && Buffer.from(names.map((name) => `${name}\0`).join('')), signal),
    );
  return fuse;
}

function fill(
  buffer: Uint8Array,
  status: number,
  value: Uint8Array | undefined,
  signal: Signal,
): void {
  if (!value) {
    signal(status, buffer.buffer);
  } else if (buffer.length === 0) {
    signal(value.length, buffer.buffer);
  } else if (value.length > buffer.length) {
    signal(-ERRNO.ERANGE.number, buffer.buffer);
  } else {
    buffer.set(value);
    signal(value.length, buffer.buffer);
  }
}

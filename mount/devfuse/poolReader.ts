/**
 * Reads /dev/fuse by libuv's threads: documented, and three times as slow.
 *
 * One thread waits in read(2) all the time. The process cannot end while it does, nor the descriptor
 * be closed, so the mount has to go first, or the process be killed.
 */
import { close, read } from 'node:fs';
import { type DeviceReader, isEnd, type RequestSink } from './reader.ts';

/** A client that was interrupted before we read its request; a read that was. */
const TRY_AGAIN = new Set(['ENOENT', 'EINTR', 'EAGAIN']);

export const poolReader: DeviceReader = async (fd, sink) => {
  try {
    while (await readOne(fd, sink)) sink.serve();
  } finally {
    sink.close();
    close(fd);
  }
};

/** False when the kernel has let go. */
function readOne(fd: number, sink: RequestSink): Promise<boolean> {
  return new Promise((resolve, reject) => {
    read(fd, sink.buffer, 0, sink.buffer.length, null, (error) => {
      if (!error) resolve(true);
      else if (isEnd(error)) resolve(false);
      else if (TRY_AGAIN.has(error.code ?? '')) resolve(readOne(fd, sink));
      else reject(error);
    });
  });
}

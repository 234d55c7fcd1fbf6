/** Where a recording goes: a file that never holds up the machine, whatever the disk does. */
import { open } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { LineSink } from './recorder.ts';

/** What waits for a disk that does not keep up. */
const WAITING_MAX_BYTES = 256 * 1024 * 1024;

export interface RecordingFile {
  readonly write: LineSink;
  /** Resolves when everything is in the file, or was given up. */
  readonly close: () => Promise<void>;
}

/**
 * Creates the file; one that is there is overwritten. An error later on ends the recording, not the
 * machine, and is a line of the log.
 */
export async function createRecordingFile(path: string, logger: Logger): Promise<RecordingFile> {
  const handle = await open(path, 'w', 0o600);
  const stream = handle.createWriteStream();
  let failed = false;
  const giveUp = (error: unknown) => {
    if (failed) return;
    failed = true;
    logger.error({ err: error, path }, 'the recording is given up');
    stream.destroy();
  };
  stream.on('error', giveUp);
  return {
    write: (line) => {
      if (failed) return;
      stream.write(`${line}\n`);
      if (stream.writableLength > WAITING_MAX_BYTES) giveUp(new Error('the disk does not keep up'));
    },
    close: () =>
      new Promise((resolve) => {
        if (stream.closed) resolve();
        stream.once('close', resolve);
        if (!failed) stream.end();
      }),
  };
}

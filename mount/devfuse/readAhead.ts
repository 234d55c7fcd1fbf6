/**
 * Reads requests without asking epoll first, where several clients ask at a time: a system call and a
 * turn of the event loop less for each.
 *
 * Whether another request is there shows only in trying, and trying in vain costs as much as a
 * request. So each failure makes the next try later, and a success lets it be soon.
 */
import { readSync } from 'node:fs';
import type { RequestSink } from './reader.ts';

/** How long requests are served in a turn of the event loop: others want their turn, too. */
const BATCH_MS = 0.5;
/** How many turns lie between two tries, at most. */
const PATIENCE = 256;

export class ReadAhead {
  readonly #fd: number;
  readonly #sink: RequestSink;
  #pause = 1;
  #turnsLeft = 1;

  constructor(fd: number, sink: RequestSink) {
    this.#fd = fd;
    this.#sink = sink;
  }

  /** Serves what is there already, if it is worth trying. */
  serveMore(): void {
    this.#turnsLeft -= 1;
    if (this.#turnsLeft > 0) return;
    const untilMs = performance.now() + BATCH_MS;
    let isWorthIt = false;
    while (performance.now() < untilMs && this.#read()) {
      this.#sink.serve();
      isWorthIt = true;
    }
    this.#pause = isWorthIt ? 1 : Math.min(2 * this.#pause, PATIENCE);
    this.#turnsLeft = this.#pause;
  }

  /** False if there is nothing: EAGAIN. What else may be wrong, epoll finds, too. */
  #read(): boolean {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      readSync(this.#fd, this.#sink.buffer);
      return true;
    } catch {
      return false;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }
}

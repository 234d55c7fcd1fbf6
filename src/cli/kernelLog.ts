/**
 * The kernel log, as dev/kmsg shows it: a record a read.
 *
 * Source: Documentation/ABI/testing/dev-kmsg.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createFormat } from '../tools/dmesgFormat.ts';
import { errnoOf } from './commandError.ts';
import { type Machine, onMachine } from './machineFiles.ts';

/** Named as `dmesg --json` prints it. */
export interface LogRecord {
  readonly sequence: number;
  readonly facility: number;
  readonly level: number;
  readonly time_us: number;
  readonly text: string;
}

const PATH = 'dev/kmsg';
/** No record is longer, escaped as it may be. */
const RECORD_MAX_BYTES = 64 * 1024;

/** A position in the kernel log; it begins at the oldest record. */
export class LogCursor {
  readonly #machine: Machine;
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(RECORD_MAX_BYTES);

  constructor(machine: Machine) {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    this.#machine = machine;
    this.#fd = onMachine(machine, PATH, () => openSync(join(machine.directory, PATH), flags));
  }

  /** What has come since the last call. Records that were lost in between are left out. */
  *takeNew(): Generator<LogRecord> {
    for (;;) {
      const raw = onMachine(this.#machine, PATH, () => this.#read());
      if (raw === 'end') return;
      if (raw !== 'lost') yield parseRecord(raw);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(): string {
    try {
      const sizeBytes = readSync(this.#fd, this.#buffer);
      return sizeBytes === 0 ? 'end' : this.#buffer.toString('utf8', 0, sizeBytes);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EAGAIN') return 'end';
      if (errno === 'EPIPE') return 'lost';
      throw error;
    }
  }
}

/** `priority,sequence,microseconds,flags;text`; lines after the first are a dictionary, left out. */
export function parseRecord(raw: string): LogRecord {
  const semicolon = raw.indexOf(';');
  const [priority = 0, sequence = 0, timeUs = 0] = raw.slice(0, semicolon).split(',').map(Number);
  const [text = ''] = raw.slice(semicolon + 1).split('\n');
  return {
    sequence,
    facility: priority >> 3,
    level: priority & 7,
    time_us: timeUs,
    text: unescapeText(text),
  };
}

/** Undoes \xNN where the result can be printed; control characters stay what terminals survive. */
function unescapeText(text: string): string {
  return text.replace(/(?:\\x[0-9a-f]{2})+/g, (escaped) => {
    const decoded = Buffer.from(escaped.replaceAll('\\x', ''), 'hex').toString('utf8');
    return isPrintable(decoded) ? decoded : escaped;
  });
}

function isPrintable(text: string): boolean {
  return /^[\n\t\\\P{C}]*$/u.test(text) && !text.includes('\ufffd');
}

const format = createFormat({ time: 'time' });

/** As dmesg(1) prints it. */
export function formatRecord({ facility, level, time_us: timeUs, text }: LogRecord): string {
  return format({ priority: facility * 8 + level, timeUs, text }).slice(0, -1);
}

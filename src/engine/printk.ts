/**
 * The kernel log: a ring of records, and cursors into it.
 *
 * Source: kernel/printk/printk.c; Documentation/ABI/testing/dev-kmsg.
 */
import { encodeUtf8 } from '../abi/bytes.ts';
import { NS_PER_US } from './clock.ts';
import { type DebugLine, debugPrefix, isDebugOn } from './dynamicDebug/sites.ts';
import type { Kernel } from './kernel.ts';
import { createWaitQueue, type WaitQueue, wakeAll } from './sched/wait.ts';

export const LOG_LEVEL = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const;

export interface Line {
  readonly level: number;
  readonly text: string;
  /** One that pr_debug() prints: logged if its site is enabled. */
  readonly debugLine?: DebugLine;
}

export interface LogRecord {
  readonly sequence: number;
  /** Facility times eight plus level. */
  readonly priority: number;
  readonly timeUs: number;
  readonly text: string;
}

/** console_printk[]: what a console shows; the machine has none. */
export interface ConsoleLevels {
  consoleLoglevel: number;
  defaultMessageLoglevel: number;
  minimumConsoleLoglevel: number;
  defaultConsoleLoglevel: number;
}

export interface KernelLog {
  /** The oldest first. */
  readonly records: LogRecord[];
  sizeBytes: number;
  nextSequence: number;
  /** clear_seq: where syslog(2) begins to read. /dev/kmsg shows what lies before it, too. */
  clearSequence: number;
  lastTimeUs: number;
  /** /proc/sys/kernel/printk: console_loglevel and what else is set there. */
  readonly console: ConsoleLevels;
  /** Who waits for the next record. */
  readonly readers: WaitQueue;
}

/** CONFIG_CONSOLE_LOGLEVEL_QUIET and CONFIG_CONSOLE_LOGLEVEL_DEFAULT. */
const LOGLEVEL_QUIET = 4;
const LOGLEVEL_DEFAULT = 7;

/** CONFIG_LOG_BUF_SHIFT=18. */
const RING_BYTES = 256 * 1024;
/** struct printk_log, and the alignment that goes with it. */
const RECORD_OVERHEAD_BYTES = 32;

export function createKernelLog(cmdline: string): KernelLog {
  return {
    console: {
      consoleLoglevel: cmdline.split(' ').includes('quiet') ? LOGLEVEL_QUIET : LOGLEVEL_DEFAULT,
      defaultMessageLoglevel: 4,
      minimumConsoleLoglevel: 1,
      defaultConsoleLoglevel: LOGLEVEL_DEFAULT,
    },
    records: [],
    sizeBytes: 0,
    nextSequence: 0,
    clearSequence: 0,
    lastTimeUs: -1,
    readers: createWaitQueue(),
  };
}

/** printk(): logs a line of the kernel's own. */
export function logLine(kernel: Kernel, { level, text, debugLine }: Line): void {
  if (debugLine === undefined) storeRecord(kernel, level, text);
  else if (isDebugOn(kernel, debugLine)) {
    storeRecord(kernel, level, `${debugPrefix(kernel, debugLine)}${text}`);
  }
}

/**
 * Stores a record, and drops the oldest while the ring is full. No two records have the same time,
 * so that equal texts are different lines of dmesg.
 */
export function storeRecord(kernel: Kernel, priority: number, text: string): void {
  const { log, clock } = kernel;
  const timeUs = Math.max(Math.floor(clock.nowNs / NS_PER_US), log.lastTimeUs + 1);
  log.records.push({ sequence: log.nextSequence, priority, timeUs, text });
  log.nextSequence += 1;
  log.lastTimeUs = timeUs;
  log.sizeBytes += text.length + RECORD_OVERHEAD_BYTES;
  while (log.sizeBytes > RING_BYTES) {
    const dropped = log.records.shift();
    log.sizeBytes -= (dropped?.text.length ?? 0) + RECORD_OVERHEAD_BYTES;
  }
  wakeAll(kernel, log.readers);
}

/** SYSLOG_ACTION_CLEAR. Source: kernel/printk/printk.c:syslog_clear(). */
export function clearLog({ log }: Kernel): void {
  log.clearSequence = log.nextSequence;
}

/** The record of that number; the oldest that is left if it was dropped; undefined at the end. */
export function recordAt(log: KernelLog, sequence: number): LogRecord | undefined {
  const first = log.records[0]?.sequence ?? 0;
  return log.records[Math.max(0, sequence - first)];
}

/** A record as /dev/kmsg shows it: `priority,sequence,microseconds,-;text`, unprintables as \xNN. */
export function formatKmsg({ priority, sequence, timeUs, text }: LogRecord): string {
  return `${priority},${sequence},${timeUs},-;${escapeUnprintable(text)}\n`;
}

/** Source: kernel/printk/printk.c:msg_print_ext_body(). */
function escapeUnprintable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
    /[\x00-\x1f\x7f-\u{10ffff}\\]/gu,
    (unprintable) =>
      [...encodeUtf8(unprintable)]
        .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
        .join(''),
  );
}

/**
 * Recordings as JSON Lines: a header, the inputs, and an end with the kernel log.
 *
 * A machine is determined by its description and its inputs. An input is placed by how many steps
 * the engine had done before it, and by the virtual time: the engine may have been in the middle of
 * its work, and how far it had got there depends on the wall clock. Lines are in the order in which
 * they were written; `n` is the order of what happened.
 */
import { isUtf8 } from 'node:buffer';
import type { MachineDescription } from '../machine/description.ts';

export const FORMAT_VERSION = 1;

export interface RecordingHeader {
  readonly klpfs_recording: typeof FORMAT_VERSION;
  /** The daemon, while it records. */
  readonly pid: number;
  /** Unix time. */
  readonly boot_time_ms: number;
  readonly machine: MachineDescription;
  /** The texts of the manifests that `machine.load` names, by the names that it has for them. */
  readonly manifests: Readonly<Record<string, string>>;
}

/** A moment in the life of a machine. */
export interface Moment {
  /** Of the engine, since boot. */
  readonly steps: number;
  /** Virtual time in nanoseconds since boot. */
  readonly ns: number;
}

/** Bytes: text where they are UTF-8. */
export type RecordedBytes = { readonly text: string } | { readonly base64: string };

interface FileUse {
  /** The number of the `open`. */
  readonly file: number;
  readonly path: string;
}

/** `pid` says who, where that is known. That they were allowed to is clear. */
export interface RecordedOpen extends FileUse {
  readonly do: 'open';
  readonly flags: number;
  readonly pid?: number;
}

export type RecordedEvent =
  /** The daemon loads a module that the description wants loaded. */
  | { readonly do: 'load'; readonly name: string }
  | RecordedOpen
  | ({ readonly do: 'read'; readonly offset: number; readonly size: number } & FileUse)
  | ({ readonly do: 'write'; readonly offset: number } & FileUse & RecordedBytes)
  | ({ readonly do: 'release' } & FileUse)
  /** chmod(2): what may be opened depends on it. */
  | { readonly do: 'change'; readonly path: string; readonly mode: number }
  /** The task that input `of` needs begins to run. */
  | { readonly do: 'start'; readonly of: number }
  | { readonly do: 'interrupt'; readonly of: number };

export type RecordedInput = { readonly n: number } & Moment & RecordedEvent;

export interface RecordingEnd extends Moment {
  readonly do: 'end';
  /** As /dev/kmsg shows it, without the newlines. */
  readonly log: readonly string[];
}

export function encodeBytes(data: Uint8Array): RecordedBytes {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
}

export function decodeBytes(recorded: RecordedBytes): Uint8Array {
  const bytes =
    'base64' in recorded ? Buffer.from(recorded.base64, 'base64') : Buffer.from(recorded.text);
  // With a buffer of its own: small Buffers share one.
  return Uint8Array.from(bytes);
}

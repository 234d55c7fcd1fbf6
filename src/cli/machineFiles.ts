/** Reads and writes of the files of a mounted machine: all that the commands know of it. */
import {
  closeSync,
  constants,
  openSync,
  type PathLike,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CommandError, errnoOf, errnoText } from './commandError.ts';
import { diedError, findMachine } from './findMachine.ts';

/** A machine, by where it is mounted. */
export interface Machine {
  readonly directory: string;
}

/** Options of every command that uses a machine. */
export interface MachineOptions {
  readonly mount?: string;
}

export function addMachineOption(command: Command): Command {
  return command.option('--mount <dir>', 'the machine that is mounted there (else KLPFS_MOUNT)');
}

/** Throws `CommandError` where there is no such machine. */
export async function openMachine({ mount }: MachineOptions): Promise<Machine> {
  return { directory: await findMachine(mount) };
}

export function readText(machine: Machine, path: string): string {
  return onMachine(machine, path, () => readFileSync(join(machine.directory, path), 'utf8'));
}

/** Undefined if the file is not there, or is just going. */
export function readIfThere(machine: Machine, path: string): string | undefined {
  return ifThere(() => readText(machine, path));
}

/** Names of the directories in a directory; undefined if that is not there. */
export function listDirectories(machine: Machine, path: string): string[] | undefined {
  const list = () => readdirSync(join(machine.directory, path), { withFileTypes: true });
  return ifThere(() => onMachine(machine, path, list))
    ?.filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** One request to control/. Throws `FileError` with the errno that it was answered with. */
export function request(machine: Machine, verb: string, text: string): void {
  withVerb(machine, verb, constants.O_WRONLY, (fd) => writeAll(fd, padRequest(Buffer.from(text))));
}

/** A request that is answered by more than an errno. */
export function requestAnswer(machine: Machine, verb: string, text: string): string {
  return withVerb(machine, verb, constants.O_RDWR, (fd) => {
    writeAll(fd, padRequest(Buffer.from(text)));
    return readFileSync(fd, 'utf8');
  });
}

function withVerb<T>(machine: Machine, verb: string, flags: number, calls: (fd: number) => T): T {
  const path = `control/${verb}`;
  const fd = onMachine(machine, path, () => openSync(join(machine.directory, path), flags));
  try {
    return onMachine(machine, path, () => calls(fd));
  } finally {
    closeSync(fd);
  }
}

/** A system call on a file of the machine failed. */
export class FileError extends CommandError {
  /** Its name, such as `EBUSY`. */
  readonly errno: string;

  constructor(path: string, errno: string) {
    super(`${path}: ${errnoText(errno)}`);
    this.name = 'FileError';
    this.errno = errno;
  }
}

/** Runs system calls on a file of the machine; what they fail with becomes a sentence. */
export function onMachine<T>({ directory }: Machine, path: PathLike, calls: () => T): T {
  try {
    return calls();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === 'ENOTCONN' || errno === 'ECONNABORTED') throw diedError(directory);
    throw new FileError(String(path), errno);
  }
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FileError && ['ENOENT', 'ENODEV', 'ESRCH'].includes(error.errno)) {
      return undefined;
    }
    throw error;
  }
}

/**
 * FUSE cuts a write in pieces of this size, the first one shorter by what its buffer is off a page;
 * a last piece that is nearly full looks as if another followed. Blank lines after it mean nothing.
 */
const PIECE_BYTES = 32 * 4096;
const NEARLY_FULL_BYTES = 30 * 4096;

function padRequest(bytes: Buffer): Buffer {
  const lastBytes = bytes.length % PIECE_BYTES;
  if (lastBytes > 0 && lastBytes < NEARLY_FULL_BYTES) return bytes;
  return Buffer.concat([bytes, Buffer.alloc(PIECE_BYTES - lastBytes + 1, '\n')]);
}

/** A piece that was taken may be followed by an error: it comes with the next piece. */
function writeAll(fd: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

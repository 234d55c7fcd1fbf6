/** Why a command failed: what is printed, and what the process exits with. */
import { ERRNO } from '../abi/errno.ts';

/**
 * Exit codes of all commands but mount and umount, which have those of mount(8). `run` has its
 * command's, and one for whatever keeps it from running that, as env(1) has.
 */
export const EXIT = { failed: 1, usage: 2, timeout: 124, ownFailure: 125 } as const;
/** Those of mount and umount. Source: mount(8), EXIT STATUS. */
export const MOUNT_EXIT = { usage: 1, system: 2, failure: 32 } as const;

/** Those of diff-releases. Source: diff(1). */
export const DIFF_EXIT = { same: 0, different: 1, trouble: 2 } as const;

/** A command cannot do what it was asked to. Every line of the message is an error of its own. */
export class CommandError extends Error {
  readonly exitCode: number;
  /** Lines that are printed below the message. */
  readonly details: readonly string[];

  constructor(message: string, exitCode: number = EXIT.failed, details: readonly string[] = []) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** The name of the errno that a system call failed with; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
}

/** What strerror(3) says; the name itself of an errno that klpfs does not know. */
export function errnoText(name: string): string {
  return Object.entries(ERRNO).find(([known]) => known === name)?.[1].text ?? name;
}

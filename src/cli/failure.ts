/** From whatever was thrown to what is printed on stderr, and the exit code. */
import { MountError } from '../../mount/mountError.ts';
import { KernelError } from '../abi/errno.ts';
import { MachineError } from '../machine/machineError.ts';
import { CommandError, EXIT, errnoOf, errnoText, MOUNT_EXIT } from './commandError.ts';

export interface Failure {
  /** Whole lines. */
  readonly text: string;
  readonly exitCode: number;
}

/** Another process of ours has failed, and has said how. */
export class ReportedFailure extends Error {
  readonly failure: Failure;

  constructor({ text, exitCode }: Failure) {
    super(text);
    this.name = 'ReportedFailure';
    this.failure = { text, exitCode };
  }
}

/** `command` as it was typed, such as `klpfs clock advance`. */
export function describeFailure(command: string, error: unknown): Failure {
  if (error instanceof ReportedFailure) return error.failure;
  const prefix = `${command}: `;
  if (error instanceof MachineError) return describeComplaints(prefix, error);
  if (error instanceof CommandError) {
    const lines = [
      ...error.message.split('\n').map((line) => `${prefix}${line}\n`),
      ...error.details.map((line) => `  ${line}\n`),
    ];
    return { text: lines.join(''), exitCode: error.exitCode };
  }
  if (error instanceof MountError) {
    return { text: `${prefix}${error.message}\n`, exitCode: error.exitCode };
  }
  // A machine whose description loads what the kernel refuses is not mounted.
  if (error instanceof KernelError) {
    return { text: `${prefix}${error.message} (${error.code})\n`, exitCode: MOUNT_EXIT.failure };
  }
  const errno = errnoOf(error);
  if (errno !== undefined && error instanceof Error && 'path' in error) {
    return { text: `${prefix}${error.path}: ${errnoText(errno)}\n`, exitCode: EXIT.failed };
  }
  const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `${prefix}a bug of klpfs: ${bug}\n`, exitCode: EXIT.failed };
}

/** A line each; those about options rather than a file have no place. */
function describeComplaints(prefix: string, { message, complaints }: MachineError): Failure {
  const hasPlace = complaints.every(({ line }) => line > 0);
  return { text: `${hasPlace ? '' : prefix}${message}\n`, exitCode: EXIT.failed };
}

/** A program of user space that asks the kernel something or has it do something, and prints. */
import type { Kernel } from '../engine/kernel.ts';
import type { Answer, Context, Wakeup } from '../engine/sched/context.ts';

/** One run of a program, as execve(2) begins it. */
export interface Run {
  readonly kernel: Kernel;
  /** Whether it may load and remove modules, and read the kernel log: CAP_SYS_MODULE, CAP_SYSLOG. */
  readonly privileged: boolean;
  /** argv[0] without its directory. */
  readonly name: string;
  /** argv[1] and what follows. */
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  readonly output: Output;
}

/** What a program prints. A text is one or more lines, each with what ends it. */
export interface Output {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /**
   * Sleeps until what was printed has mostly been read. A program that prints without end asks for it,
   * as a pipe would hold it up. Answers `signal` if it is to end.
   */
  readonly drained: () => Context<Wakeup>;
}

/** Runs to its end, and answers the exit code. */
export type Tool = (run: Run) => Answer<number>;

export const EXIT_SUCCESS = 0;
export const EXIT_FAILURE = 1;

/** What every group of measurements is given. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Measured } from './measured.ts';

export interface Bench {
  /** A directory of this run: all that is built and mounted is below. */
  readonly scratch: string;
  /** How often everything that takes turns has its turn. */
  readonly rounds: number;
  readonly measured: Measured;
}

export interface Group {
  readonly name: string;
  /** What it measures, for --help. */
  readonly about: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** Somebody who serves a mount, as a process of its own. */
export interface Server {
  readonly directory: string;
  readonly process: ChildProcess;
  /** Unmounts, and resolves when the process has ended. */
  stop(): Promise<void>;
}

export function newDirectory({ scratch }: Bench, purpose: string): string {
  return mkdtempSync(join(scratch, `${purpose}-`));
}

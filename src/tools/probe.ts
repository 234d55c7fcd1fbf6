/** What modprobe(8) goes by: its options, and what it says. Source: kmod 30, tools/modprobe.c. */
import { ERRNO } from '../abi/errno.ts';
import { complain } from './kmod.ts';
import type { Run } from './tool.ts';

/** Levels of syslog(3). */
export const WARNING = 4;
const ERROR = 3;
const CRITICAL = 2;

export interface Probe {
  readonly run: Run;
  /** Options by their letters, or names where they have none. */
  readonly given: ReadonlySet<string>;
  readonly waitMs: number;
  /** The least urgent level that is printed. */
  readonly verbosity: number;
  /** Where modules are looked for, and whether that is not where this machine's are. */
  readonly directory: string;
  readonly elsewhere: boolean;
}

/** A message that ends the program has been printed. */
export class Fatal extends Error {}

/** ERR(). */
export function sayError({ run, verbosity }: Probe, text: string): void {
  if (verbosity >= ERROR) complain(run, text);
}

/**
 * LOG(): a warning if all names are to be tried, or fatal. Answers ENOENT, which is how most of what
 * it says ends, to whoever still hears it.
 *
 * @throws Fatal unless it is only a warning, or not printed at all.
 */
export function say({ run, given, verbosity }: Probe, text: string): number {
  const priority = given.has('a') ? WARNING : CRITICAL;
  if (verbosity >= priority) {
    complain(run, text, given.has('a') ? 'WARNING' : 'FATAL');
    if (priority === CRITICAL) throw new Fatal();
  }
  return -ERRNO.ENOENT.number;
}

/** SHOW(): what is done, with -v. */
export function show({ run, given, verbosity }: Probe, text: string): void {
  if (given.has('D') || verbosity > WARNING) run.output.stdout(`${text}\n`);
}

export function isDryRun({ given }: Probe): boolean {
  return given.has('n') || given.has('D');
}

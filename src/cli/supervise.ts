/** A command in our place: it gets our signals, and we end as it ends. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import process from 'node:process';

/** The terminal sends these to the command as well: both are in its foreground. */
const FROM_KEYBOARD = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const;
/** Not SIGTSTP: what is stopped must stop us too, so that our shell hears of it. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const;

/** The exit code that a shell would show for it. Until then signals are passed on. */
export async function supervise(child: ChildProcess): Promise<number> {
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  const forwardUnlessTyped = (signal: NodeJS.Signals) => {
    if (!isInForeground()) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  for (const signal of FROM_KEYBOARD) process.on(signal, forwardUnlessTyped);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      resolve(signal ? 128 + constants.signals[signal] : (status ?? 0));
    });
  });
}

/** Source: proc(5), /proc/pid/stat: pgrp is the fifth field, tpgid the eighth. */
function isInForeground(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}

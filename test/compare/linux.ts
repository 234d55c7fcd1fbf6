/** Asks Linux: many sequences in one boot of the oracle's guest. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, parseAnswers } from './answers.ts';
import type { Kernel } from './klpfs.ts';
import { scriptOf } from './script.ts';
import type { Sequence } from './steps.ts';

const ASK = join(import.meta.dirname, '../../scripts/oracle/ask');
/** A guest from which nothing has come for so long hangs. */
const SILENCE_MS = 120_000;

/**
 * A guest that dies, or that a sequence leaves dirty, is followed by another one for the rest. Whoever
 * kills a fresh guest has no more answers than it had got until then.
 *
 * @throws Error if the oracle cannot be asked.
 */
export async function askLinux(
  kernel: Kernel,
  sequences: readonly Sequence[],
  notice: (text: string) => void,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < sequences.length) {
    const { output, errors } = await boot(kernel, sequences.slice(answers.length));
    const { whole, part } = parseAnswers(output);
    answers.push(...(whole.length > 0 ? whole : [part]));
    const ended = `the guest ended in sequence ${answers.length} of this batch`;
    if (part.length > 0) notice(`${ended}:\n${errors}`);
  }
  return answers;
}

interface Printed {
  readonly output: string;
  /** The end of the console, if the guest ended before the script did. */
  readonly errors: string;
}

async function boot(kernel: Kernel, sequences: readonly Sequence[]): Promise<Printed> {
  const folder = await mkdtemp(join(tmpdir(), 'klpfs-compare-'));
  try {
    const script = join(folder, 'script.sh');
    await writeFile(script, scriptOf(sequences));
    return await runGuest(kernel, script);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function runGuest({ release, cpus }: Kernel, script: string): Promise<Printed> {
  const options = ['--lean', '--jsonl', '--kernel', release, '--cpus', String(cpus)];
  const guest = spawn(ASK, [...options, '--seconds', '100000', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  const hang = setTimeout(() => guest.kill(), SILENCE_MS);
  guest.stdout.on('data', (data) => {
    output += data;
    hang.refresh();
  });
  guest.stderr.on('data', (data) => {
    errors += data;
  });
  return new Promise((resolve, reject) => {
    guest.on('error', reject);
    guest.on('close', (status) => {
      clearTimeout(hang);
      if (status === CANNOT_ASK) reject(new Error(errors));
      else resolve({ output, errors });
    });
  });
}

/** The exit status of `ask` when there is nothing to be asked. */
const CANNOT_ASK = 2;

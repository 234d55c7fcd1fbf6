/** Answers of Linux that are kept in a file: they do not change when klpfs does. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import type { Answer } from './answers.ts';
import { scriptOf } from './script.ts';
import type { Sequence } from './steps.ts';

export type AskLinux = (sequences: readonly Sequence[]) => Promise<readonly Answer[]>;

interface Kept {
  /** What was run. */
  readonly script: string;
  readonly answer: Answer;
}

/** Asks only what the file does not know, and adds it. */
export function keepAnswers(file: string, ask: AskLinux): AskLinux {
  const known = new Map(readKept(file).map(({ script, answer }) => [script, answer]));
  return async (sequences) => {
    const unknown = sequences.filter((sequence) => !known.has(keyOf(sequence)));
    const asked = unknown.length > 0 ? await ask(unknown) : [];
    for (const [index, sequence] of unknown.entries()) {
      const kept: Kept = { script: keyOf(sequence), answer: asked[index] ?? [] };
      known.set(kept.script, kept.answer);
      await appendFile(file, `${JSON.stringify(kept)}\n`);
    }
    return sequences.map((sequence) => known.get(keyOf(sequence)) ?? []);
  };
}

function readKept(file: string): Kept[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function keyOf(sequence: Sequence): string {
  return createHash('sha256')
    .update(scriptOf([sequence]))
    .digest('hex');
}

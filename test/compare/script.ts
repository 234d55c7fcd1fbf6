/** From sequences to the one script that runs in a guest of the oracle and on a machine of klpfs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf, type Sequence } from './steps.ts';

const STEPS = readFileSync(join(import.meta.dirname, 'steps.sh'), 'utf8');

/** The end of a sequence that has left nothing behind, and of one that has: the script ends, too. */
export const CLEAN = 'clean';
export const DIRTY = 'dirty';

/** The records are named NUMBER.STEP, both from 0. */
export function scriptOf(sequences: readonly Sequence[]): string {
  return [STEPS, 'warm_up', ...sequences.map(sequenceText)].join('\n');
}

function sequenceText(sequence: Sequence, number: number): string {
  const steps = sequence.map((step, index) => `step ${number}.${index} ${quote(commandOf(step))}`);
  return [...steps, `clean || { N "${DIRTY}: "$left; exit 0; }`, `N ${CLEAN}`, ''].join('\n');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

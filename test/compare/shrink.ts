/**
 * Makes a sequence small: drops steps and parameters as long as the kernels differ.
 *
 * Asking costs a boot, and many sequences go into one. So a round asks twice: what can be dropped
 * by itself, and then how much of that together.
 */
import type { Difference } from './answers.ts';
import type { Sequence, Step } from './steps.ts';

/** Asks both kernels: a difference, or none, for each sequence. */
export type Ask = (sequences: readonly Sequence[]) => Promise<readonly (Difference | undefined)[]>;

/** A step, or a parameter of one. */
interface Drop {
  readonly step: number;
  readonly parameter?: string;
}

export async function shrink(found: Difference, ask: Ask): Promise<Difference> {
  let smallest = found;
  for (;;) {
    const { sequence } = smallest;
    const drops = dropsOf(sequence);
    const alone = await ask(drops.map((drop) => without(sequence, [drop])));
    const possible = drops.filter((_, index) => alone[index]);
    if (possible.length === 0) return smallest;
    const groups = groupsOf(possible);
    const together = await ask(groups.map((group) => without(sequence, group)));
    smallest = smallestOf([...together, ...alone]) ?? smallest;
  }
}

/** The last step shows the difference: it stays. */
function dropsOf(sequence: Sequence): Drop[] {
  const steps = sequence.slice(0, -1).map((_, step): Drop => ({ step }));
  const parameters = sequence.flatMap((step, index) =>
    'parameters' in step
      ? Object.keys(step.parameters).map((parameter): Drop => ({ step: index, parameter }))
      : [],
  );
  return [...steps, ...parameters];
}

/** All, the first and the second half, quarters, and so on, down to pairs. */
function groupsOf(drops: readonly Drop[]): (readonly Drop[])[] {
  if (drops.length < 2) return [];
  const half = Math.ceil(drops.length / 2);
  return [drops, ...groupsOf(drops.slice(0, half)), ...groupsOf(drops.slice(half))];
}

function without(sequence: Sequence, drops: readonly Drop[]): Sequence {
  return sequence.flatMap((step, index): Step[] => {
    const own = drops.filter((drop) => drop.step === index);
    if (own.some(({ parameter }) => parameter === undefined)) return [];
    if (!('parameters' in step)) return [step];
    const kept = Object.entries(step.parameters).filter(
      ([name]) => !own.some(({ parameter }) => parameter === name),
    );
    return [{ ...step, parameters: Object.fromEntries(kept) }];
  });
}

function smallestOf(differences: readonly (Difference | undefined)[]): Difference | undefined {
  return differences
    .filter((difference) => difference !== undefined)
    .sort((a, b) => dropsOf(a.sequence).length - dropsOf(b.sequence).length)[0];
}

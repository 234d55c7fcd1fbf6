/** scripts/compare-with-kernel: see USAGE. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { findDifference, formatDifference } from './answers.ts';
import { generate } from './generate.ts';
import { type AskLinux, keepAnswers } from './kept.ts';
import { askKlpfs, type Kernel } from './klpfs.ts';
import { askLinux } from './linux.ts';
import { type Ask, shrink } from './shrink.ts';

const USAGE = `usage: compare-with-kernel [OPTION]... SEED N

Runs N random sequences of what one can do to livepatches in a real kernel, which scripts/oracle boots in QEMU, and
on machines of klpfs, and prints the first difference as a script that is as short as can be. As root. What differs
is asked again: a difference that is gone then was one of speed, and is printed, but does not count.

  --release RELEASE  6.1 or 6.12 (default 6.1); scripts/oracle/setup --kernel RELEASE has to have run
  --cpus N           of the guest and of the machines (default 1: transitions that nobody holds up end at once)
  --from I           begin with the I-th sequence of the seed (default 0)
  --all              print every difference, as it was found
  --keep FILE        what Linux answers is kept there, and not asked again

Exit status: 0 no difference, 1 a difference, 2 bad usage or nothing to be asked.
`;
/** Sequences to a boot: enough to make up for it, few enough to see something soon. */
const BATCH = 25;

interface Plan {
  readonly kernel: Kernel;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  readonly all: boolean;
  /** A file. */
  readonly keep: string | undefined;
}

/** Undefined if only usage was wanted. Throws what is wrong with the arguments. */
function parsePlan(args: readonly string[]): Plan | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      release: { type: 'string', default: '6.1' },
      cpus: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
      all: { type: 'boolean', default: false },
      keep: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const [seed, count, ...more] = positionals.map(wholeNumber);
  if (seed === undefined || count === undefined || more.length > 0) {
    throw new Error('SEED and N are needed; see --help');
  }
  const { release, all, keep } = values;
  if (release !== '6.1' && release !== '6.12') throw new Error(`no release ${release}`);
  const kernel = { release, cpus: wholeNumber(values.cpus) } as const;
  return { kernel, seed, count, from: wholeNumber(values.from), all, keep };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
}

/** How many sequences differ; up to the first unless all are wanted. */
async function run({ kernel, seed, from, count, all, keep }: Plan): Promise<number> {
  const linux: AskLinux = (sequences) => askLinux(kernel, sequences, note);
  const compare = comparison(kernel, keep === undefined ? linux : keepAnswers(keep, linux));
  const compareAnew = comparison(kernel, linux);
  const sequences = generate(seed, from + count).slice(from);
  let differing = 0;
  for (let done = 0; done < count; done += BATCH) {
    const batch = sequences.slice(done, done + BATCH);
    const first = await compare(batch);
    const suspects = [...batch.keys()].filter((index) => first[index]);
    const again = await compareAnew(suspects.flatMap((index) => batch.slice(index, index + 1)));
    for (const [order, index] of suspects.entries()) {
      const difference = again[order];
      const found = difference ?? first[index];
      if (!found) continue;
      const name = `seed ${seed}, sequence ${from + done + index}`;
      say(`${name}${difference ? '' : ', but not again'}:\n${formatDifference(found)}`);
      if (!difference) continue;
      differing += 1;
      if (all) continue;
      note('shrinking');
      say(formatDifference(await shrink(difference, compareAnew)));
      return differing;
    }
    note(`${Math.min(count, done + BATCH)} of ${count} sequences, ${differing} differ`);
  }
  return differing;
}

function comparison(kernel: Kernel, linux: AskLinux): Ask {
  return async (sequences) => {
    const [theirs, ours] = await Promise.all([linux(sequences), askKlpfs(kernel, sequences)]);
    return sequences.map((sequence, index) =>
      findDifference(sequence, theirs[index] ?? [], ours[index] ?? []),
    );
  };
}

function say(text: string): void {
  process.stdout.write(text);
}

function note(text: string): void {
  process.stderr.write(`compare-with-kernel: ${text}\n`);
}

async function main(): Promise<number> {
  const plan = parsePlan(process.argv.slice(2));
  if (plan) return (await run(plan)) > 0 ? 1 : 0;
  say(USAGE);
  return 0;
}

process.exitCode = await main().catch((error) => {
  note(error instanceof Error ? error.message : String(error));
  return 2;
});

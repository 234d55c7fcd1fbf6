/** scripts/compare-with-kernel: see USAGE. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { type Difference, findDifference, formatDifference } from './answers.ts';
import { generate } from './generate.ts';
import { keepAnswers } from './kept.ts';
import { askKlpfs, type Kernel } from './klpfs.ts';
import { askLinux } from './linux.ts';
import { shrink } from './shrink.ts';
import type { Sequence } from './steps.ts';

const USAGE = `usage: compare-with-kernel [OPTION]... SEED N

Runs N random sequences of what one can do to livepatches in a real kernel, which scripts/oracle boots in QEMU, and
on machines of klpfs, and prints the first difference as a script that is as short as can be. As root.

  --release RELEASE  6.1 or 6.12 (default 6.1); scripts/oracle/setup --kernel RELEASE has to have run
  --cpus N           of the guest and of the machines (default 1: transitions that nobody holds up end at once)
  --from I           begin with the I-th sequence of the seed (default 0)
  --all              print every difference, as it was found
  --keep FILE        what Linux answers is kept there, and not asked again

Exit status: 0 no difference, 1 a difference, 2 bad usage or nothing to be asked.
`;
/** Sequences to a boot: enough to make up for it, few enough to see something soon. */
const BATCH = 25;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
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
  const { release, all, keep } = values;
  const [seed, count, cpus, from] = [...positionals, values.cpus, values.from].map(Number);
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (seed === undefined || count === undefined || cpus === undefined || from === undefined) {
    return badUsage('SEED and N are needed');
  }
  if (release !== '6.1' && release !== '6.12') return badUsage(`no release ${release}`);
  if (![seed, count, cpus, from].every(Number.isSafeInteger)) return badUsage('not a number');

  const kernel: Kernel = { release, cpus };
  const linux = (sequences: readonly Sequence[]) => askLinux(kernel, sequences);
  const ask = comparison(kernel, keep === undefined ? linux : keepAnswers(keep, linux));
  const sequences = generate(seed, from + count).slice(from);
  let differing = 0;
  for (let done = 0; done < count; done += BATCH) {
    const differences = await ask(sequences.slice(done, done + BATCH));
    for (const [index, difference] of differences.entries()) {
      if (!difference) continue;
      differing += 1;
      say(`seed ${seed}, sequence ${from + done + index}:\n${formatDifference(difference)}`);
      if (all) continue;
      note('shrinking');
      say(formatDifference(await shrink(difference, ask)));
      return 1;
    }
    note(`${Math.min(count, done + BATCH)} of ${count} sequences, ${differing} differ`);
  }
  return differing > 0 ? 1 : 0;
}

function comparison(kernel: Kernel, linux: ReturnType<typeof keepAnswers>) {
  return async (sequences: readonly Sequence[]): Promise<(Difference | undefined)[]> => {
    const [theirs, ours] = await Promise.all([linux(sequences), askKlpfs(kernel, sequences)]);
    return sequences.map((sequence, index) =>
      findDifference(sequence, theirs[index] ?? [], ours[index] ?? []),
    );
  };
}

function badUsage(problem: string): number {
  note(`${problem}\n\n${USAGE}`);
  return 2;
}

function say(text: string): void {
  process.stdout.write(text);
}

function note(text: string): void {
  process.stderr.write(`compare-with-kernel: ${text}\n`);
}

process.exitCode = await main().catch((error) => {
  note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 2;
});

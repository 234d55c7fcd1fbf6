/** `klpfs releases`: which releases a machine can be, and what each adds. */
import type { Command } from 'commander';
import { RELEASES } from '../../abi/release.ts';
import { recordedKernelOf } from '../../releases/verification.ts';
import { listDifferences } from '../differenceText.ts';
import { formatTable, print, printJson } from '../output.ts';

interface Options {
  readonly json?: true;
}

export function addReleasesCommand(program: Command): void {
  program
    .command('releases')
    .description('list the Linux releases that a machine can be')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
What a release has that the one before lacks has a + and the Linux version that
it came with; what it lacks has a - and the version that it went with. Made from
the tables that the machine works by.

A release is known by the sources of its tag, or also by what a kernel of it has
answered: see test/recordings.

Examples:
  $ klpfs releases
  $ klpfs releases --json | jq -r '.[].release'
  $ klpfs mount ~/klp --release 6.12`,
    )
    .action(async (options: Options) => {
      const rows = await describeReleases();
      if (options.json) printJson(rows);
      else print(formatReleases(rows));
    });
}

type Row = Awaited<ReturnType<typeof describeReleases>>[number];

async function describeReleases() {
  const { differencesBetween } = await import('../../releases/differences.ts');
  return RELEASES.map((release, index) => {
    const before = RELEASES[index - 1];
    return {
      release,
      recorded_kernel: recordedKernelOf(release) ?? null,
      before: before ?? null,
      differences: before ? differencesBetween(before, release) : [],
    };
  });
}

function formatReleases(rows: readonly Row[]): string {
  const table = formatTable([
    ['RELEASE', 'KNOWN BY', 'SINCE THE ONE BEFORE'],
    ...rows.map(({ release, recorded_kernel: kernel, before, differences }) => [
      release,
      kernel === null ? 'its sources' : `its sources, and recordings of ${kernel}`,
      before === null ? 'the oldest' : `${differences.length} differences`,
    ]),
  ]);
  const sections = rows
    .filter(({ before }) => before !== null)
    .map(
      ({ release, before, differences }) =>
        `\n${release}, after ${before}\n${listDifferences(differences)}`,
    );
  return `${table}${sections.join('')}`;
}

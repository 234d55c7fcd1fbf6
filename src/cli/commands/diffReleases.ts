/** `klpfs diff-releases`: what two releases differ in, or what a command sees of that. */
import process from 'node:process';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { RELEASES, type Release } from '../../abi/release.ts';
import { LEVELS } from '../../tools/syslogNames.ts';
import { CommandError, DIFF_EXIT } from '../commandError.ts';
import { describeDifferences } from '../differenceText.ts';
import { normalise } from '../normalise.ts';
import { type Observation, observe } from '../observe.ts';
import { print, printJson } from '../output.ts';

interface Options {
  readonly machine?: string;
  readonly json?: true;
}

export function addDiffReleasesCommand(program: Command): void {
  program
    .command('diff-releases')
    .description('show what two releases differ in, or what a command sees of that')
    .addArgument(new Argument('<from>', 'a release').choices(RELEASES))
    .addArgument(new Argument('<to>', 'a release').choices(RELEASES))
    .argument('[command...]', 'a command to run on a machine of each, and its arguments')
    .option('--machine <file>', 'a machine description in YAML, for the command', parseFile)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Without a command: every file, rule, word, wording and module that only one of
them has, with the Linux version that it came or went with.

With one: it runs on a fresh machine of each release, one after the other, in
\`klpfs run\`. Its output, its errors, its exit code and what the kernel logged
meanwhile are shown as diff -u does, as far as they differ. Times at the
beginning of a line of the log, and addresses, count as the same. The command
has no input.

Exit code, as of diff(1): 0 the same, 1 different, 2 trouble.

Examples:
  $ klpfs diff-releases 4.15 6.1
  $ klpfs diff-releases 6.1 6.12 -- ./deploy.sh
  $ klpfs diff-releases 4.15 6.1 -- sh -c 'insmod livepatch-sample;
      echo f > /sys/kernel/livepatch/livepatch_sample/enabled'
  $ klpfs diff-releases 6.12 6.14 --machine busy.yaml --json -- ./check.sh`,
    )
    .action(async (from: Release, to: Release, command: readonly string[], options: Options) => {
      const differ =
        command.length === 0
          ? await showDifferences(from, to, options)
          : await compareRuns(from, to, command, options);
      process.exitCode = differ ? DIFF_EXIT.different : DIFF_EXIT.same;
    });
}

/** Whether there are any. */
async function showDifferences(from: Release, to: Release, { json }: Options): Promise<boolean> {
  const { differencesBetween } = await import('../../releases/differences.ts');
  const differences = differencesBetween(from, to);
  if (json) printJson({ from, to, differences });
  else print(describeDifferences(from, to, differences));
  return differences.length > 0;
}

/** Whether the command has seen any. */
async function compareRuns(
  from: Release,
  to: Release,
  command: readonly string[],
  { machine, json }: Options,
): Promise<boolean> {
  const before = await observe(from, machine, command);
  const after = await observe(to, machine, command);
  refuseMissing(before, after);
  const diff = await diffObservations(before, after);
  if (json) printJson({ from, to, command, runs: [before, after].map(describeRun), diff });
  else print(diff);
  return diff !== '';
}

/** Exit codes of a shell for what it cannot run, and cannot find. */
const NOT_RUN = [126, 127];

/** A mistyped command is the same everywhere. */
function refuseMissing(before: Observation, after: Observation): void {
  const { exitCode, stderr } = before;
  if (!NOT_RUN.includes(exitCode) || exitCode !== after.exitCode) return;
  throw new CommandError(
    `exit code ${exitCode} on both: the command cannot be run, or ends as if so`,
    DIFF_EXIT.trouble,
    stderr.split('\n').filter((line) => line !== ''),
  );
}

async function diffObservations(before: Observation, after: Observation): Promise<string> {
  const { unifiedDiff } = await import('../unifiedDiff.ts');
  const parts: [name: string, text: (observation: Observation) => string][] = [
    ['stdout', ({ stdout }) => normalise(stdout)],
    ['stderr', ({ stderr }) => normalise(stderr)],
    ['exit code', ({ exitCode }) => `${exitCode}\n`],
    ['kernel log', formatLog],
  ];
  return parts
    .map(([name, text]) =>
      unifiedDiff(
        { name: `${before.release} ${name}`, text: text(before) },
        { name: `${after.release} ${name}`, text: text(after) },
      ),
    )
    .join('');
}

function formatLog({ log }: Observation): string {
  return log.map(({ level, text }) => `${LEVELS[level]}: ${normalise(text)}\n`).join('');
}

function describeRun({ exitCode, ...rest }: Observation) {
  return { ...rest, exit_code: exitCode };
}

function parseFile(path: string): string {
  if (path === '-')
    throw new InvalidArgumentError('It must be a file: two machines are made of it.');
  return path;
}

/**
 * How fast klpfs is, next to what it stands in for and to other FUSE file systems, measured side by
 * side in one run. Numbers differ from machine to machine; the ratios are what counts.
 */
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { InvalidArgumentError, Option, program } from 'commander';
import { formatTable } from '../../src/cli/output.ts';
import type { Bench, Group } from './bench.ts';
import { benchEndurance } from './endurance.ts';
import {
  benchCalls,
  benchLatencies,
  benchPatches,
  benchRequestPath,
  benchTasks,
} from './engine.ts';
import { judge, resultCells } from './figures.ts';
import { writeRun } from './keptRun.ts';
import { benchListing } from './listing.ts';
import { COLUMNS, otherRows, peerRows } from './report.ts';
import { benchRequests } from './requests.ts';
import { benchSelftests } from './selftests.ts';
import { leaveNothing } from './server.ts';
import { benchStart } from './start.ts';
import { benchTransitions } from './transitions.ts';

// biome-ignore format: the columns are the point
const GROUPS: readonly Group[] = [
  { name: 'start',        run: benchStart,       about: 'mount to first answer, --help, run, memory' },
  { name: 'requests',     run: benchRequests,    about: 'all peers: latency, cpu, throughput, bash loops' },
  { name: 'request-path', run: benchRequestPath, about: 'a request between transport and answer, without FUSE' },
  { name: 'transitions',  run: benchTransitions, about: 'other requests while many tasks switch' },
  { name: 'latencies',    run: benchLatencies,   about: 'other requests among a million tasks, without FUSE' },
  { name: 'calls',        run: benchCalls,       about: 'calls of functions, patched or not' },
  { name: 'tasks',        run: benchTasks,       about: 'memory and time that tasks cost' },
  { name: 'patches',      run: benchPatches,     about: 'a thousand patches of ten functions each' },
  { name: 'listing',      run: benchListing,     about: 'ls proc and klpfs ps of many tasks' },
  { name: 'selftests',    run: benchSelftests,   about: "the kernel's own selftests" },
];
const LONG: Group = {
  name: 'endurance',
  run: benchEndurance,
  about: 'memory after ten million operations; only with --long, or when named',
};
const ALL = [...GROUPS, LONG];

interface Options {
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly json?: string;
  readonly long?: true;
  readonly check?: true;
}

function parseOptions(): Options {
  return program
    .name('npm run bench --')
    .description('measures klpfs beside real sysfs, C libfuse3, lxcfs and pyfuse3')
    .addOption(new Option('--only <group...>', 'only these').choices(ALL.map(({ name }) => name)))
    .option('--rounds <number>', 'how often everything takes its turn', parseRounds, 5)
    .option('--json <file>', 'keep all that was measured')
    .option('--long', 'also what takes minutes')
    .option('--check', 'exit with 1 if a figure is missed')
    .addHelpText(
      'after',
      `
Groups:
${formatTable(ALL.map(({ name, about }) => [`  ${name}`, about]))}
Root is needed for lxcfs, which is left out otherwise, and to install the peers'
packages where they are missing (scripts/prepare --with-peers).`,
    )
    .parse()
    .opts<Options>();
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new InvalidArgumentError('1 or more.');
  return rounds;
}

function print(text: string): void {
  process.stdout.write(text);
}

async function runGroup(group: Group, bench: Bench): Promise<void> {
  const before = new Set(Object.keys(bench.measured));
  print(`${group.name}: ${group.about}\n`);
  await group.run(bench);
  const measures = Object.keys(bench.measured).filter((measure) => !before.has(measure));
  if (measures.some((measure) => COLUMNS.some((column) => column.measure === measure))) {
    print(formatTable([['', ...COLUMNS.map(({ title }) => title)], ...peerRows(bench.measured)]));
  } else {
    print(formatTable(otherRows(bench.measured, measures)));
  }
  print('\n');
}

/** The exit status. */
async function runAll(bench: Bench, options: Options): Promise<number> {
  const usual = options.long ? ALL : GROUPS;
  const groups = options.only ? ALL.filter(({ name }) => options.only?.includes(name)) : usual;
  for (const group of groups) await runGroup(group, bench);
  if (options.json !== undefined) writeRun(options.json, bench.rounds, bench.measured);
  const results = judge(bench.measured).filter(({ value }) => value !== undefined);
  print(formatTable(results.map(resultCells)));
  const missed = results.some(({ verdict }) => verdict === 'MISSED');
  return options.check && missed ? 1 : 0;
}

/** The exit status of one whom a signal has ended. */
function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve(130));
    process.once('SIGTERM', () => resolve(143));
    process.once('SIGHUP', () => resolve(129));
  });
}

const options = parseOptions();
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'klpfs-bench-')));
const bench: Bench = { scratch, rounds: options.rounds, measured: {} };
try {
  process.exitCode = await Promise.race([runAll(bench, options), interrupted()]);
} finally {
  await leaveNothing(scratch);
}
process.exit();

/** `klpfs mount`: starts a machine, and shows it in a directory. */
import { resolve } from 'node:path';
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TransportChoice } from '../../../mount/transport.ts';
import { RELEASES } from '../../abi/release.ts';
import { CommandError } from '../commandError.ts';
import { ReportedFailure } from '../failure.ts';
import { defaultLogFile } from '../logFile.ts';
import { transportOption } from '../transportOption.ts';

interface Options {
  readonly machine?: string;
  readonly release?: (typeof RELEASES)[number];
  readonly clock?: 'real' | 'manual';
  readonly speed?: number;
  readonly cpus?: number;
  readonly foreground?: true;
  readonly allowOther?: true;
  readonly transport: TransportChoice;
  readonly logFile?: string;
  readonly logLevel: string;
  readonly logAccess?: true;
  readonly record?: string;
  readonly module?: readonly string[];
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const ANSWER_LIMIT_MS = 30_000;

export function addMountCommand(program: Command): void {
  program
    .command('mount')
    .description('start a machine, and mount it on an empty directory')
    .argument('<dir>', 'an empty directory')
    .option('--machine <file>', 'a machine description in YAML, - for standard input')
    .addOption(new Option('--release <release>', 'the Linux release it is').choices(RELEASES))
    .addOption(
      new Option('--clock <mode>', 'with the wall clock, or moved by hand').choices([
        'real',
        'manual',
      ]),
    )
    .option('--speed <number>', 'virtual seconds per real second', parseNumber)
    .option('--cpus <number>', 'how many cpus it has', parseNumber)
    .option('-f, --foreground', 'stay in the foreground, and log to stderr')
    .option('--allow-other', 'let other users see the mount')
    .addOption(transportOption())
    .option('--log-file <file>', 'where to log (background: $XDG_STATE_HOME/klpfs/NAME.log)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS).default('info'))
    .option('--log-access', 'log who opens, reads and writes what')
    .option('--record <file>', 'record every input, for klpfs replay')
    .option(
      '--module <file>',
      'an ES module to run, for the modules that it exports; again for more',
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .addHelpText(
      'after',
      `
Returns when the mount answers, while the machine goes on in the background.
It ends when it is unmounted: klpfs umount, fusermount -u, Ctrl-C (twice: by
force), SIGTERM. A mount whose machine has died is taken away first. Options
win over the machine description.

Exit code, as of mount(8): 0 mounted, 1 usage or permission, or a machine
description that is wrong, 2 system, 32 not mounted.

Examples:
  $ mkdir -p ~/klp && klpfs mount ~/klp
  $ klpfs mount ~/klp --release 6.1 --cpus 1
  $ klpfs mount ~/klp --machine busy.yaml --clock manual
  $ klpfs mount ~/klp --record klp.jsonl
  $ klpfs mount ~/klp --module my_fix.mjs
  $ klpfs mount -f ~/klp --log-level debug 2> klpfs.log`,
    )
    .action((directory: string, options: Options) =>
      options.foreground ? mountHere(directory, options) : mountBehind(directory, options),
    );
}

async function mountHere(directory: string, options: Options): Promise<void> {
  const { machine, release, clock, speed, cpus, allowOther, logFile, logLevel, record } = options;
  const { serve } = await import('../serve.ts');
  await serve({
    directory,
    machineFile: machine,
    machineOptions: { release, clock, speed, cpus },
    allowOther: allowOther === true,
    transport: options.transport,
    logFile,
    logLevel,
    logAccess: options.logAccess,
    recordFile: record,
    moduleFiles: (options.module ?? []).map((file) => resolve(file)),
  });
}

async function mountBehind(path: string, { logFile, machine }: Options): Promise<void> {
  const { awaitReport, spawnDaemon } = await import('../background.ts');
  const input = await readInput(machine);
  const { XDG_STATE_HOME: stateHome } = process.env;
  const log = logFile ?? defaultLogFile(resolve(path), stateHome);
  const [, , , ...given] = process.argv;
  const args = input === undefined ? given : [...given, '--machine', '-'];
  const daemon = spawnDaemon(args, log, input);
  const report = await awaitReport(daemon, ANSWER_LIMIT_MS).catch((error) => {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(error.message, error.exitCode, [`its log: ${log}`]);
  });
  if (report.kind === 'failed') throw new ReportedFailure(report);
  if (process.stderr.isTTY) {
    process.stderr.write(`mounted on ${report.directory}, log in ${log}\n`);
  }
}

/** A description that the daemon could not read for itself. */
async function readInput(machine: string | undefined): Promise<string | undefined> {
  if (machine === undefined) return undefined;
  const { readPrivate } = await import('../machineText.ts');
  return readPrivate(machine);
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) {
    throw new InvalidArgumentError('It must be a number.');
  }
  return number;
}

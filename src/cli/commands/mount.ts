/** `klpfs mount`: starts a machine, and shows it in a directory. */
import { resolve } from 'node:path';
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { descriptorIn, findPassedMount } from '../../../mount/descriptor.ts';
import type { TransportChoice } from '../../../mount/transport.ts';
import { RELEASES } from '../../abi/release.ts';
import { awaitReport, spawnDaemon } from '../background.ts';
import { CommandError, MOUNT_EXIT } from '../commandError.ts';
import { ReportedFailure } from '../failure.ts';
import { defaultLogFile } from '../logFile.ts';
import { readPrivate } from '../machineText.ts';
import { applyMountOptions } from '../mountOptions.ts';
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
  readonly fd?: number;
  readonly o?: string;
  readonly logFile?: string;
  readonly logLevel: string;
  readonly logAccess?: true;
  readonly record?: string;
  readonly module?: readonly string[];
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const ANSWER_LIMIT_MS = 30_000;
/** Those below are the standard files. */
const FIRST_FD = 3;

export function addMountCommand(program: Command): void {
  const command = program.command('mount');
  command
    .description('start a machine, and mount it on an empty directory')
    .argument('<dir>', 'an empty directory; with --fd, the one that is mounted')
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
    .option('--fd <number>', 'serve this /dev/fuse, which is mounted on <dir> already', parseFd)
    .option(
      '-o <options>',
      'what mount(8) passes on: NAME[=VALUE],...',
      (list: string, lists?: string) => (lists === undefined ? list : `${lists},${list}`),
    )
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

Without root it mounts by fusermount3, which needs python3 (else by libfuse 2),
or as root of a user namespace: unshare -Urm. Or others have mounted: --fd N, or
/dev/fd/N as <dir>, which is how mount.fuse3 -o drop_privileges calls it. A NAME
in -o is that of a long option: -o release=6.1,log_file=/tmp/klp.log.

Exit code, as of mount(8): 0 mounted, 1 usage or permission, or a machine
description that is wrong, 2 system, 32 not mounted.

Examples:
  $ mkdir -p ~/klp && klpfs mount ~/klp
  $ klpfs mount ~/klp --release 6.1 --cpus 1
  $ klpfs mount ~/klp --machine busy.yaml --clock manual
  $ klpfs mount ~/klp --record klp.jsonl
  $ klpfs mount ~/klp --module my_fix.mjs
  $ klpfs mount -f ~/klp --log-level debug 2> klpfs.log
  # mount.fuse3 klpfs#mount /klp -o drop_privileges,setuid=nobody,allow_other`,
    )
    .action((directory: string, { o: mountOptions = '' }: Options) => {
      applyMountOptions(command, mountOptions);
      const options = command.opts<Options>();
      const fd = options.fd ?? descriptorIn(directory);
      if (fd !== undefined && options.transport === 'fuse-native') {
        throw new CommandError('fuse-native serves no descriptor of others', MOUNT_EXIT.usage);
      }
      const place = { directory, fd };
      return options.foreground ? mountHere(place, options) : mountBehind(place, options);
    });
}

/** Where the machine is to be seen, and by which descriptor if one is mounted there already. */
interface Place {
  readonly directory: string;
  readonly fd: number | undefined;
}

async function mountHere({ directory, fd }: Place, options: Options): Promise<void> {
  const { machine, release, clock, speed, cpus, allowOther, logFile, logLevel, record } = options;
  const { serve } = await import('../serve.ts');
  await serve({
    directory,
    machineFile: machine,
    machineOptions: { release, clock, speed, cpus },
    allowOther: allowOther === true,
    transport: options.transport,
    fd,
    logFile,
    logLevel,
    logAccess: options.logAccess,
    recordFile: record,
    moduleFiles: (options.module ?? []).map((file) => resolve(file)),
  });
}

async function mountBehind({ directory, fd }: Place, { logFile, machine }: Options): Promise<void> {
  const input = await readInput(machine);
  const { XDG_STATE_HOME: stateHome } = process.env;
  const path = fd === undefined ? resolve(directory) : await mountPointOf(fd, directory);
  const log = logFile ?? defaultLogFile(path, stateHome);
  const [, , , ...given] = process.argv;
  const args = input === undefined ? given : [...given, '--machine', '-'];
  const daemon = spawnDaemon({ args, logFile: log, input, fd });
  const report = await awaitReport(daemon, ANSWER_LIMIT_MS).catch((error) => {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(error.message, error.exitCode, [`its log: ${log}`]);
  });
  if (report.kind === 'failed') throw new ReportedFailure(report);
  if (process.stderr.isTTY) {
    process.stderr.write(`mounted on ${report.directory}, log in ${log}\n`);
  }
}

async function mountPointOf(fd: number, path: string): Promise<string> {
  return (await findPassedMount(fd, path)).directory;
}

/** A description that the daemon could not read for itself. */
async function readInput(machine: string | undefined): Promise<string | undefined> {
  return machine === undefined ? undefined : readPrivate(machine);
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) {
    throw new InvalidArgumentError('It must be a number.');
  }
  return number;
}

function parseFd(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < FIRST_FD) {
    throw new InvalidArgumentError(`It must be a descriptor's number, from ${FIRST_FD} on.`);
  }
  return Number(text);
}

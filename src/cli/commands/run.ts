/** `klpfs run`: a command for which the machine's files are at Linux's own paths. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { listKlpfsMounts } from '../../../mount/mountInfo.ts';
import { mayMount, mayUseFusermount } from '../../../mount/privileges.ts';
import type { TransportChoice } from '../../../mount/transport.ts';
import { RELEASES } from '../../abi/release.ts';
import { CommandError, EXIT } from '../commandError.ts';
import { findMachine, realPath } from '../findMachine.ts';
import { type Janitor, startJanitor } from '../janitor.ts';
import { lookAtMachine, type Sight } from '../lookAtMachine.ts';
import {
  type NamespacePlan,
  type ProcView,
  planNamespace,
  type Verdict,
} from '../namespacePlan.ts';
import { LATER_TARGETS, PROC_TARGETS, TARGETS } from '../namespaceTargets.ts';
import { chooseWay, enterUserNamespace, runInNamespace } from '../privateNamespace.ts';
import { realTree } from '../realTree.ts';
import { environmentFor, linkCommands, SHIMMED } from '../runEnvironment.ts';
import { transportOption } from '../transportOption.ts';

interface Options {
  readonly release?: (typeof RELEASES)[number];
  readonly machine?: string;
  readonly speed?: number;
  readonly mount?: string;
  readonly transport: TransportChoice;
  readonly keepUser?: true;
  readonly asUser?: string;
  readonly asProcess?: true;
  readonly hostProc?: true;
  readonly verbose?: true;
}

export function addRunCommand(program: Command): void {
  // What follows the command is the command's, with and without `--`.
  program.enablePositionalOptions();
  program
    .command('run')
    .description("run a command that sees a machine at Linux's own paths")
    .argument('<command...>', 'the command, and its arguments')
    .passThroughOptions()
    .addOption(new Option('--release <release>', 'the Linux release it is').choices(RELEASES))
    .option('--machine <file>', 'a machine description in YAML, - for standard input')
    .option('--speed <number>', 'virtual seconds per real second', parseNumber)
    .option('--mount <dir>', 'a machine that is mounted, or an empty directory for the new one')
    .addOption(transportOption())
    .option('--keep-user', 'as an ordinary user, stay that user rather than be root')
    .addOption(new Option('--as-user <uid:gid>').hideHelp())
    .option('--as-process', 'make the command and its children tasks of the machine')
    .option('--host-proc', "leave /proc the host's, but for single files")
    .option('--verbose', 'say on stderr what is shown where')
    .addHelpText(
      'after',
      `
Starts a machine, runs the command in a mount namespace of its own, and ends the
machine with it. The command sees the machine's /sys/kernel/livepatch,
/sys/module, /sys/kernel/{tracing,debug}, /dev/kmsg, and a /proc that has the
machine's tasks and files and, besides, its own processes and all else of the
host's; insmod, rmmod, modprobe, modinfo, lsmod, dmesg, uname and klpfs talk to
the machine. All else is as outside, and nobody else sees any of it. kill is the
host's: signals for the machine's tasks are sent with klpfs kill.

With --as-process the command and all that it starts are tasks of the machine,
under their own pids: they have a patch_state, and what they ask for runs in
them. It needs a transport that tells who asks. --host-proc is for programs that
insist on a procfs at /proc.

It needs root or, for an ordinary user, user namespaces: the command is then
root in one, unless --keep-user. What the command leaves in the background ends
with it.

Exit code: that of the command, 128+n if signal n ended it, 126 it cannot be
run, 127 there is no such command, 125 klpfs run itself failed.

Examples:
  $ klpfs run -- ./deploy.sh
  $ klpfs run --release 6.1 -- sh -c 'insmod livepatch-sample; lsmod'
  $ klpfs run --machine busy.yaml --speed 10 -- bash
  $ klpfs run --as-process -- sh -c 'cat /proc/$$/patch_state'
  $ klpfs mount ~/klp && klpfs run --mount ~/klp -- cat /proc/cmdline`,
    )
    .action(async (command: readonly string[], options: Options) => {
      const status = needsNamespaceFirst(options)
        ? await runAsItsRoot(options)
        : await run(command, options);
      leaveStandardFiles();
      // libfuse would keep this process for a while after the mount has gone.
      process.exit(status);
    });
}

/**
 * Node would set the terminal as it was before the command, and crashes when that has hung up.
 * Source: ResetStdio() in Node's src/node.cc.
 */
function leaveStandardFiles(): void {
  for (const fd of [0, 1, 2]) closeSync(fd);
}

async function run(command: readonly string[], options: Options): Promise<number> {
  process.on('uncaughtException', endWithBug);
  const joined = await findMounted(options);
  const janitor = startJanitor();
  try {
    const machine = joined ?? (await startHere(options, janitor));
    const binDirectory = join(janitor.directory, 'bin');
    linkCommands(binDirectory);
    const proc = options.hostProc ? 'host' : 'merged';
    const sight = await lookAtMachine(machine, PATHS[proc]);
    if (options.asProcess) requireAdoption(sight);
    const { targets } = sight;
    const plan = planNamespace({ proc, targets, later: LATER_TARGETS, machine }, realTree);
    if (options.verbose) process.stderr.write(describePlan(plan));
    return await runInNamespace({
      command,
      env: environmentFor(process.env, binDirectory, machine),
      plan,
      membership: options.asProcess ? 'adopted' : 'attached',
      stage: join(janitor.directory, 'stage'),
      way: chooseWay(userOf(options)),
      janitor,
    });
  } finally {
    await janitor.clean();
  }
}

/** The janitor sees to the rest. */
function endWithBug(error: Error): never {
  process.stderr.write(`klpfs run: a bug of klpfs: ${error.stack}\n`);
  process.exit(EXIT.ownFailure);
}

/** Nobody mounts for this user outside of a namespace of his own. */
function needsNamespaceFirst({ mount }: Options): boolean {
  return mount === undefined && !mayMount() && !mayUseFusermount();
}

/** The same once more, as root of a user namespace. */
function runAsItsRoot(options: Options): Promise<number> {
  const [, script = '', name = '', ...given] = process.argv;
  const user = userOf(options);
  const asUser = user === undefined ? [] : ['--as-user', user];
  return enterUserNamespace([process.execPath, script, name, ...asUser, ...given]);
}

/** The ids that the command has, as `UID:GID`, if not simply those that it is started with. */
function userOf({ keepUser, asUser }: Options): string | undefined {
  if (asUser !== undefined || !keepUser || mayMount()) return asUser;
  return `${process.getuid?.()}:${process.getgid?.()}`;
}

/** The machine that is mounted at or around --mount, if one is. */
async function findMounted({ mount, ...options }: Options): Promise<string | undefined> {
  if (mount === undefined) return undefined;
  const path = realPath(mount);
  const mounts = await listKlpfsMounts();
  if (!mounts.some(({ directory }) => `${path}/`.startsWith(`${directory}/`))) return undefined;
  const machine = await findMachine(mount);
  const given = (['release', 'machine', 'speed'] as const).find((name) => name in options);
  if (given === undefined) return machine;
  throw new CommandError(
    `a machine is mounted on ${machine}: --${given} is for one that is yet to start`,
  );
}

async function startHere(options: Options, janitor: Janitor): Promise<string> {
  const { release, machine, speed, mount, transport } = options;
  const { startMachine } = await import('../serve.ts');
  const { session } = await startMachine({
    directory: mount ?? join(janitor.directory, 'machine'),
    machineFile: machine,
    machineOptions: { release, speed },
    // The command may become another user, for whom Linux's files are there as well.
    allowOther: mayMount(),
    transport,
    logFile: undefined,
    logLevel: 'error',
    recordFile: undefined,
    moduleFiles: [],
  });
  janitor.unmountLater(session.directory);
  return session.directory;
}

/** Throws `CommandError` where the machine has no tasks for processes of the host. */
function requireAdoption({ adoption }: Sight): void {
  const [, reason] = /^refused: (.*)/.exec(adoption) ?? [];
  if (reason !== undefined) throw new CommandError(`--as-process: ${reason}`, EXIT.ownFailure);
}

/** What is bound over, one by one. */
const PATHS: Readonly<Record<ProcView, readonly string[]>> = {
  merged: TARGETS,
  host: [...TARGETS, ...PROC_TARGETS],
};

const MERGED: Readonly<Record<ProcView, readonly string[]>> = { merged: ['/proc'], host: [] };

function describePlan({ machine, proc, verdicts }: NamespacePlan): string {
  const lines = [
    `the machine is on ${machine}`,
    ...[...PATHS[proc], ...MERGED[proc], ...LATER_TARGETS].map(
      (path) => `${path}: ${describe(verdicts.get(path))}`,
    ),
    `${SHIMMED.join(', ')}, klpfs: on the PATH, for the machine`,
  ];
  return lines.map((line) => `klpfs run: ${line}\n`).join('');
}

function describe(verdict: Verdict | undefined): string {
  switch (verdict?.kind) {
    case undefined:
      return "the real kernel's, for the machine has none";
    case 'bound':
      return "the machine's";
    case 'merged':
      return "the machine's, with its own processes and all else of the host's";
    case 'added':
      return `the machine's, in a copy of ${verdict.to}`;
    case 'linked':
      return `the machine's as soon as it has one, in a copy of ${verdict.to}`;
    case 'impossible':
      return 'not to be seen: the real kernel has none, and nothing can be added beside it';
  }
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) {
    throw new InvalidArgumentError('It must be a number.');
  }
  return number;
}

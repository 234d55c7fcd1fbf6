/** All commands in one: how they are described, how they fail. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { DIFF_EXIT, EXIT, MOUNT_EXIT } from './commandError.ts';
import { addCallCommand } from './commands/call.ts';
import { addClockCommand } from './commands/clock.ts';
import { addCpuCommand } from './commands/cpu.ts';
import { addDiffReleasesCommand } from './commands/diffReleases.ts';
import { addDmesgCommand } from './commands/dmesg.ts';
import { addExitCommand } from './commands/exit.ts';
import { addForkCommand } from './commands/fork.ts';
import { addInsmodCommand } from './commands/insmod.ts';
import { addIrqCommand } from './commands/irq.ts';
import { addKillCommand } from './commands/kill.ts';
import { addLsmodCommand } from './commands/lsmod.ts';
import { addMachineCommand } from './commands/machine.ts';
import { addModinfoCommand } from './commands/modinfo.ts';
import { addModprobeCommand } from './commands/modprobe.ts';
import { addMountCommand } from './commands/mount.ts';
import { addPsCommand } from './commands/ps.ts';
import { addReleasesCommand } from './commands/releases.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addRmmodCommand } from './commands/rmmod.ts';
import { addRunCommand } from './commands/run.ts';
import { addSpawnCommand } from './commands/spawn.ts';
import { addStatusCommand } from './commands/status.ts';
import { addUmountCommand } from './commands/umount.ts';
import { addWaitCommand } from './commands/wait.ts';
import { addWakeCommand } from './commands/wake.ts';
import { addWhyCommand } from './commands/why.ts';
import { describeFailure, type Failure } from './failure.ts';

/** From the compiled file, in dist/src/chunks. */
const PACKAGE = new URL('../../../package.json', import.meta.url);
/** Their codes are those of mount(8). */
const LIKE_MOUNT = ['mount', 'umount'];

/** These say by one code that they have failed themselves: others mean what a command has seen. */
const OWN_FAILURE = new Map<string, number>([
  ['run', EXIT.ownFailure],
  ['diff-releases', DIFF_EXIT.trouble],
]);

/** In the order of the help. What their actions need they load themselves, for a quick start. */
const COMMANDS = {
  mount: addMountCommand,
  umount: addUmountCommand,
  run: addRunCommand,
  insmod: addInsmodCommand,
  rmmod: addRmmodCommand,
  modprobe: addModprobeCommand,
  modinfo: addModinfoCommand,
  lsmod: addLsmodCommand,
  wait: addWaitCommand,
  status: addStatusCommand,
  why: addWhyCommand,
  ps: addPsCommand,
  dmesg: addDmesgCommand,
  wake: addWakeCommand,
  kill: addKillCommand,
  exit: addExitCommand,
  fork: addForkCommand,
  call: addCallCommand,
  spawn: addSpawnCommand,
  clock: addClockCommand,
  irq: addIrqCommand,
  cpu: addCpuCommand,
  replay: addReplayCommand,
  machine: addMachineCommand,
  releases: addReleasesCommand,
  'diff-releases': addDiffReleasesCommand,
} as const;

/** Runs a command line, prints why it failed if it does, and answers the exit code. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = createProgram(argv);
  let running = program;
  program.hook('preAction', (_, action) => {
    running = action;
  });
  for (const command of withSubcommands(program)) {
    command.exitOverride((error) => {
      running = command;
      throw error;
    });
  }
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const { text, exitCode } =
      error instanceof CommanderError
        ? describeUsage(running, error)
        : describeFailure(nameOf(running), error);
    process.stderr.write(text);
    return exitCode === 0 ? 0 : (OWN_FAILURE.get(running.name()) ?? exitCode);
  }
}

function createProgram(argv: readonly string[]): Command {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  const program = new Command('klpfs')
    .description('A livepatch kernel that you can mount.')
    .version(version)
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', HELP);
  for (const add of commandsFor(argv[2])) add(program);
  return program;
}

/** The one that is named; all of them for the help, and for what is none of them. */
function commandsFor(name: string | undefined) {
  const all = Object.entries(COMMANDS);
  const named = all.filter(([known]) => known === name);
  return (named.length > 0 ? named : all).map(([, add]) => add);
}

const HELP = `
A first session:
  $ mkdir -p ~/klp && klpfs mount ~/klp
  $ cd ~/klp/sys/kernel/livepatch
  $ klpfs insmod livepatch-sample && klpfs wait livepatch_sample
  $ cat livepatch_sample/enabled ~/klp/proc/cmdline
  $ echo 0 > livepatch_sample/enabled; klpfs wait livepatch_sample
  $ klpfs rmmod livepatch_sample; cd; klpfs umount ~/klp

Or for one command, with the files at Linux's own paths:
  $ klpfs run -- sh -c 'insmod livepatch-sample; ls /sys/kernel/livepatch'

Which machine: --mount DIR, else KLPFS_MOUNT, else the one around the current
directory, else the only one.

Exit codes: 0 done, 1 refused or failed, 2 bad usage, 124 timeout of wait or
limit of clock run-until; mount and umount have those of mount(8): 1 usage,
2 system, 32 failure; run that of its command, 128+n for signal n, 126 and 127
for a command that cannot be run or found, 125 for a failure of its own;
diff-releases those of diff(1): 0 the same, 1 different, 2 trouble.

Every command but these four, releases and replay reads and writes files of the
mount; its --help says which.`;

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

/** What commander ends with, be it an error or the end of --help. */
function describeUsage(command: Command, { code, exitCode, message }: CommanderError): Failure {
  if (exitCode === 0) return { text: '', exitCode: 0 };
  const usage = LIKE_MOUNT.includes(command.name()) ? MOUNT_EXIT.usage : EXIT.usage;
  // The help has been printed instead: a command that has subcommands only was given none.
  if (code === 'commander.help') return { text: '', exitCode: usage };
  const name = nameOf(command);
  const reason = message.replace(/^error: /, '').replace(/\.$/, '');
  return { text: `${name}: ${reason} (see ${name} --help)\n`, exitCode: usage };
}

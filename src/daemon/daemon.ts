/**
 * A machine that is mounted: the kernel, the loop that drives it, and the mount that shows it.
 */
import process from 'node:process';
import type { Logger } from 'pino';
import { chooseTransport } from '../../mount/choose.ts';
import { findPassedMount } from '../../mount/descriptor.ts';
import { FileSystem } from '../../mount/fileSystem.ts';
import { adopt, mount, type Session } from '../../mount/session.ts';
import type { Transport, TransportChoice } from '../../mount/transport.ts';
import { bootKernel } from '../engine/boot.ts';
import { loadModule } from '../engine/module/loader.ts';
import { toBootOptions } from '../machine/bootOptions.ts';
import type { MachineDescription } from '../machine/description.ts';
import { modulesLoadedAtBoot } from '../machine/moduleGraph.ts';
import type { MachineDraft } from '../machine/parse.ts';
import type { Owner } from '../sysfs/inode.ts';
import { mountedTree } from '../sysfs/root.ts';
import { logAccess } from './accessLog.ts';
import { refusal } from './esModules.ts';
import { HostProcesses } from './hostProcesses.ts';
import { type Asking, adoptionRefusal, hostVerbs } from './hostVerbs.ts';
import { logEvents } from './log.ts';
import { type ClockMode, MachineLoop } from './machineLoop.ts';
import { esModulesOf, type ModuleSources, prepareMachine } from './prepareMachine.ts';
import type { Recorder } from './recorder.ts';
import { startRecording } from './recording.ts';
import { recordTree } from './recordTree.ts';
import { panelOf } from './verbs.ts';

export interface DaemonOptions extends ModuleSources {
  readonly directory: string;
  readonly machine: MachineDraft;
  readonly allowOther: boolean;
  /** How to mount: a transport, or which to choose from. */
  readonly transport: Transport | TransportChoice;
  /** A /dev/fuse that is mounted there already; whoever did that has chosen how. */
  readonly fd?: number | undefined;
  readonly logger: Logger;
  /** Whether the log says who opens, reads and writes what. */
  readonly logAccess?: boolean | undefined;
  /** Where every input is recorded, if anywhere. */
  readonly recordFile?: string | undefined;
}

export interface Daemon {
  readonly session: Session;
  readonly loop: MachineLoop;
}

/**
 * Boots a machine, loads what its description names, and mounts it. Resolves when the mount
 * answers.
 *
 * @throws MountError if it cannot be mounted; MachineError or KernelError if a module cannot be
 * loaded. Then nothing is mounted.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { machine, logger, recordFile } = options;
  refuseToRecordCode(options);
  const { description, modules, inFiles, manifests } = await prepareMachine(machine, options);
  const kernel = bootKernel(toBootOptions(description, modules, Date.now()));
  if (logger.isLevelEnabled('info')) kernel.listeners.push(logEvents(logger));
  if (logger.isLevelEnabled('debug')) kernel.taskListeners.push(logEvents(logger));

  const onBug = (error: unknown) => logger.error({ err: error }, 'bug');
  const loop = new MachineLoop(kernel, clockMode(description), onBug);
  const recording = await startRecording(loop, { recordFile, description, manifests, logger });
  for (const name of [
    ...modulesLoadedAtBoot(description, modules),
    ...description.load.flatMap((file) => inFiles.get(file)?.map(({ name }) => name) ?? file),
  ]) {
    await load(loop, name, recording?.recorder);
  }

  const way = chooseWay(options);
  const host = new HostProcesses({ kernel, logger, changed: () => loop.see(), onBug });
  loop.taskOf = host.taskOf;
  const refusal = adoptionRefusal(way, recording !== undefined);
  const panel = panelOf(description, loop, hostVerbs(host, refusal));
  const tree = mountedTree(kernel, panel, { owner: userOfThisProcess(), host });
  const logged = options.logAccess ? logAccess(tree.root, logger) : tree.root;
  // The recorder is told of the contexts that really run, so it stands before all others.
  const root = recording ? recordTree(logged, recording.recorder) : logged;
  const session = await way.show(new FileSystem(root, loop.run, onBug));
  tree.listeners.push(session.caches);
  loop.start();
  void session.closed.then(() => {
    host.stop();
    loop.stop();
    recording?.end();
  });
  return { session, loop };
}

/** How a machine is shown. */
interface Way extends Asking {
  readonly show: (fileSystem: FileSystem) => Promise<Session>;
}

/** By a mount of our own, or one that waits for us. Throws `MountError` where neither can be. */
function chooseWay(options: DaemonOptions): Way {
  const { directory, allowOther, transport: wanted, fd, logger } = options;
  if (fd !== undefined) {
    logger.debug({ transport: 'devfuse', way: `descriptor ${fd}` }, 'transport');
    return {
      transport: 'devfuse',
      tellsCaller: true,
      show: async (fileSystem) => adopt(await findPassedMount(fd, directory), fileSystem),
    };
  }
  const transport = typeof wanted === 'string' ? chooseTransport(wanted) : wanted;
  logger.debug({ transport: transport.name, way: transport.way }, 'transport');
  return {
    transport: transport.name,
    tellsCaller: transport.capabilities.caller,
    show: (fileSystem) => mount(directory, fileSystem, { transport, allowOther }),
  };
}

/** Whoever runs a machine is root in it. */
function userOfThisProcess(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function clockMode({ clock, speed }: MachineDescription): ClockMode {
  return clock === 'manual' ? { kind: 'manual' } : { kind: 'real', speed };
}

/** A recording holds all that moves a machine, and code cannot be written down. */
function refuseToRecordCode({ machine, recordFile, ...sources }: DaemonOptions): void {
  const [first] = esModulesOf(machine.description, sources);
  if (first === undefined || recordFile === undefined) return;
  throw refusal(first, 'a machine that runs the code of an ES module cannot be recorded');
}

function load(loop: MachineLoop, name: string, recorder: Recorder | undefined): Promise<void> {
  const context = loadModule(loop.kernel, name, []);
  recorder?.loading(name, context);
  return new Promise((resolve, reject) => {
    loop.run(context, (outcome) => {
      if ('error' in outcome) reject(outcome.error);
      else resolve();
    });
  });
}

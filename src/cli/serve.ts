/** A machine in this very process, until it is unmounted. */
import process from 'node:process';
import { pino } from 'pino';
import type { TransportChoice } from '../../mount/transport.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { superviseSession } from '../daemon/supervise.ts';
import type { MachineOptions } from '../machine/parse.ts';
import type { Report } from './background.ts';
import { describeFailure } from './failure.ts';
import { openLogFile } from './logFile.ts';
import { baseDirectoryOf, readDraft } from './machineFile.ts';

export interface ServeOptions {
  readonly directory: string;
  readonly machineFile: string | undefined;
  /** These win over the machine file. */
  readonly machineOptions: MachineOptions;
  readonly allowOther: boolean;
  readonly transport: TransportChoice;
  /** A /dev/fuse that is mounted on the directory already. */
  readonly fd?: number | undefined;
  /** Undefined: stderr. */
  readonly logFile: string | undefined;
  readonly logLevel: string;
  readonly logAccess?: boolean | undefined;
  readonly recordFile: string | undefined;
  /** ES modules, by their full paths. */
  readonly moduleFiles: readonly string[];
}

const STDERR = 2;

/** Resolves when the machine has ended. Whoever started this process hears how the start went. */
export async function serve(options: ServeOptions): Promise<void> {
  const isChild = process.send !== undefined;
  if (isChild) process.once('disconnect', endWithParent);
  const run = await startMachine(options).catch((error) => {
    report({ kind: 'failed', ...describeFailure('klpfs mount', error) });
    throw error;
  });
  if (isChild) process.chdir('/');
  process.off('disconnect', endWithParent);
  report({ kind: 'mounted', directory: run.session.directory });
  await superviseSession(run.session, run.logger);
}

/** Boots and mounts a machine that this process serves from then on. */
export async function startMachine({
  directory,
  machineFile,
  machineOptions,
  allowOther,
  transport,
  fd,
  logFile,
  logLevel,
  logAccess,
  recordFile,
  moduleFiles,
}: ServeOptions) {
  const machine = await readDraft(machineFile, machineOptions);
  const dest = logFile === undefined ? STDERR : openLogFile(logFile);
  const logger = pino({ level: logLevel }, pino.destination({ dest, sync: true }));
  const { session } = await startDaemon({
    directory,
    machine,
    baseDirectory: baseDirectoryOf(machineFile),
    allowOther,
    transport,
    fd,
    logger,
    logAccess,
    recordFile,
    moduleFiles,
  });
  const { release, cpus, clock } = machine.description;
  const { directory: mount, recovered } = session;
  logger.info({ mount, recovered, release, cpus, clock }, 'mounted');
  return { session, logger };
}

function report(message: Report): void {
  process.send?.(message);
}

/** Nobody would ever know of this machine. */
function endWithParent(): never {
  process.exit(1);
}

/** A machine that is really mounted, served by the test's own process and used from others. */
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type Daemon, type DaemonOptions, startDaemon } from '../../src/daemon/daemon.ts';
import type { ModuleDefinition } from '../../src/engine/module/model.ts';
import { draftMachine } from '../../src/machine/parse.ts';
import { type Ended, emptyDirectory, run } from '../support/clients.ts';
import { TRANSPORT } from '../support/transport.ts';

export interface Mounted {
  readonly directory: string;
  readonly daemon: Daemon;
  /** Lines of the daemon's log, parsed. */
  readonly log: Record<string, unknown>[];
  /** Runs a command line; $M is the mount, $K its livepatch directory. */
  sh(command: string, shell?: string): Promise<Ended>;
}

export async function mountMachine(
  description = '',
  modules: readonly ModuleDefinition[] = [],
  more: Pick<DaemonOptions, 'logAccess'> = {},
): Promise<Mounted> {
  const directory = await emptyDirectory();
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => log.push(JSON.parse(line)) });
  const daemon = await startDaemon({
    directory,
    machine: draftMachine(description, 'test.yaml', {}),
    baseDirectory: directory,
    allowOther: true,
    transport: TRANSPORT,
    logger,
    modules,
    ...more,
  });
  onTestFinished(async () => {
    await daemon.session.unmount('lazy').catch(() => {});
    await daemon.session.closed;
  });
  const env = { M: directory, K: join(directory, 'sys/kernel/livepatch') };
  return {
    directory,
    daemon,
    log,
    sh: (command, shell = 'bash') => run(shell, ['-c', command], env),
  };
}

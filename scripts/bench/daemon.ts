/**
 * A machine on a transport, as a process of its own: daemon TRANSPORT MACHINE DIR
 *
 * Whoever started it may send `watch`, and then `report`: the answer is how late the event loop was
 * in between, as the 99.9th percentile in milliseconds.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { pino } from 'pino';
import { chooseTransport } from '../../mount/choose.ts';
import { fuseNative, rememberingFuseNative } from '../../mount/fuseNative/transport.ts';
import { startDaemon } from '../../src/daemon/daemon.ts';
import { superviseSession } from '../../src/daemon/supervise.ts';
import { draftMachine } from '../../src/machine/parse.ts';
import type { TransportName } from './machine.ts';

const TRANSPORTS = {
  auto: chooseTransport('auto'),
  'fuse-native': fuseNative,
  'fuse-native, 1 s': rememberingFuseNative(1),
} satisfies Record<TransportName, unknown>;

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

function onMessage(message: unknown): void {
  if (message === 'watch') {
    delay.reset();
    delay.enable();
  } else {
    delay.disable();
    // A loop that is never late wakes up after the resolution.
    process.send?.(delay.percentile(99.9) / 1e6 - RESOLUTION_MS);
  }
}

const [, , transport = '', machine = '', directory = ''] = process.argv;
const logger = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
const { session } = await startDaemon({
  directory,
  transport: TRANSPORTS[transport as TransportName],
  machine: draftMachine(readFileSync(machine, 'utf8'), machine, {}),
  baseDirectory: dirname(machine),
  allowOther: false,
  logger,
});
process.on('message', onMessage);
await superviseSession(session, logger);
// A channel to whoever started it would keep it running.
if (process.connected) process.disconnect();

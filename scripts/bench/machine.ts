/** Machines of klpfs, served by processes of their own. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { DAEMON_NODE_OPTIONS } from '../../src/cli/background.ts';
import { type Bench, newDirectory, type Server } from './bench.ts';
import { type Serving, startServer } from './server.ts';

/** Over what a machine is mounted; `auto` is what users get who do not choose. */
export type TransportName = 'auto' | 'fuse-native' | 'fuse-native, 1 s';

const DAEMON = resolve(import.meta.dirname, 'daemon.js');

/** A machine that is described in YAML. */
export function startMachine(bench: Bench, yaml: string, transport: TransportName) {
  const machine = join(newDirectory(bench, 'machine'), 'machine.yaml');
  writeFileSync(machine, yaml);
  const serving: Serving = {
    command: (directory) => [
      process.execPath,
      ...DAEMON_NODE_OPTIONS,
      ...[DAEMON, transport, machine, directory],
    ],
    answersAt: 'control',
  };
  return startServer(bench, serving, 'ipc');
}

/** How late its event loop was meanwhile, as the 99.9th percentile in milliseconds. */
export async function eventLoopDelayMs({ process: daemon }: Server, meanwhile: Promise<unknown>) {
  daemon.send('watch');
  await meanwhile;
  const answered = once(daemon, 'message');
  daemon.send('report');
  const [delayMs] = await answered;
  return Number(delayMs);
}

/** Different places that the tasks of a crowd sleep in. */
const PLACES = 1000;

/** One cpu, so that a transition is over when the write returns. */
export function crowd(tasks: number): string {
  const places = Array.from({ length: Math.min(tasks, PLACES) }, (_, place) => `place_${place}`);
  const count = tasks / places.length;
  return [
    'cpus: 1',
    'load: [livepatch-sample]',
    `symbols: {vmlinux: [${places.join(', ')}]}`,
    'tasks:',
    ...places.map(
      (place) => `  - {comm: sleeper, count: ${count}, program: [{sleep_in: [${place}]}]}`,
    ),
  ].join('\n');
}

/** Below `sys/kernel/livepatch`. */
export function attributeOf({ directory }: Server, name: string): string {
  return join(directory, 'sys/kernel/livepatch/livepatch_sample', name);
}

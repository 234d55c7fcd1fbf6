/** What users wait for before there is anything to read, and the memory that it takes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { unmountDirectory } from '../../mount/unmount.ts';
import { type Bench, newDirectory, type Server } from './bench.ts';
import { KLPFS, note, VIRTUAL_MACHINE } from './measured.ts';
import { CLI, timeMs } from './program.ts';
import { startServer } from './server.ts';

/** Median of three boots of a real kernel in QEMU until the first `cat enabled`. */
const VIRTUAL_MACHINE_S = 10;
const FIRST_ANSWER =
  '"$0" mount "$1" --machine "$2" && cat "$1/sys/kernel/livepatch/livepatch_sample/enabled"';

export async function benchStart(bench: Bench): Promise<void> {
  const directory = newDirectory(bench, 'start');
  const machine = join(newDirectory(bench, 'machine'), 'machine.yaml');
  writeFileSync(machine, 'load: [livepatch-sample]\n');
  const keep = (measure: string, value: number) => note(bench.measured, [measure, KLPFS], value);
  for (let round = 0; round < bench.rounds; round += 1) {
    const ms = await timeMs('bash', ['-c', FIRST_ANSWER, CLI, directory, machine]);
    keep('mount to first answer, s', ms / 1000);
    await unmountDirectory(directory, 'plain');
    keep('klpfs --help, ms', await timeMs(CLI, ['--help']));
    keep('klpfs run -- true, s', (await timeMs(CLI, ['run', '--', 'true'])) / 1000);
    const server = await startDefaultMachine(bench);
    keep('memory of the default machine, MB', memoryMb(server));
    await server.stop();
  }
  note(bench.measured, ['mount to first answer, s', VIRTUAL_MACHINE], VIRTUAL_MACHINE_S);
}

function startDefaultMachine(bench: Bench): Promise<Server> {
  const command = (directory: string) => [process.execPath, CLI, 'mount', '-f', directory] as const;
  return startServer(bench, { command, answersAt: 'control' }, 'ipc');
}

/** What a server has in memory. Source: proc(5), /proc/pid/status, VmRSS. */
export function memoryMb({ process: { pid } }: Server): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kilobytes) / 1024;
}

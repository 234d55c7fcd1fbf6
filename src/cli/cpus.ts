/** The cpus of a machine, as control/cpu lists them. */
import { InvalidArgumentError } from 'commander';
import { type Machine, readText } from './machineFiles.ts';

/** Named as `cpu --json` prints it. */
export interface CpuRow {
  readonly cpu: number;
  readonly online: boolean;
  /** null: nothing. */
  readonly runs: { readonly pid: number; readonly comm: string } | null;
}

export function readCpus(machine: Machine): CpuRow[] {
  return parseCpus(readText(machine, 'control/cpu'));
}

/** The first line says how to write the file. */
export function parseCpus(text: string): CpuRow[] {
  const lines = text.matchAll(/^cpu (\d+): (online|offline)(?:, runs (".*") \((\d+)\))?/gm);
  return [...lines].map(([, cpu, state, comm, pid]) => ({
    cpu: Number(cpu),
    online: state === 'online',
    runs: comm === undefined ? null : { pid: Number(pid), comm: JSON.parse(comm) },
  }));
}

/** `hog (4243)`, `idle`, or `-` for a cpu that is offline. */
export function describeRunning({ online, runs }: CpuRow): string {
  if (runs) return `${runs.comm} (${runs.pid})`;
  return online ? 'idle' : '-';
}

export function parseCpuNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be the number of a cpu.');
  return Number(text);
}

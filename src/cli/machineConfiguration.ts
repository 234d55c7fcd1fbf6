/** What a machine was started with, as control/machine says in JSON. */
import { type Machine, readText } from './machineFiles.ts';

/** The part of a machine description that commands look at. */
export interface Configuration {
  readonly release: string;
  readonly cpus: number;
  readonly clock: 'real' | 'manual';
  readonly speed: number;
}

export function readConfiguration(machine: Machine): Configuration {
  return JSON.parse(readText(machine, 'control/machine'));
}

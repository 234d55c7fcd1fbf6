/** A run of the bench, as it is kept in a file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import process from 'node:process';
import { chooseTransport } from '../../mount/choose.ts';
import type { Measured } from './measured.ts';

export interface KeptRun {
  readonly date: string;
  readonly host: Host;
  /** What `klpfs` was mounted over. */
  readonly transport: string;
  readonly rounds: number;
  readonly measured: Measured;
}

interface Host {
  readonly cpu: string;
  readonly cpus: number;
  readonly arch: string;
  readonly linux: string;
  readonly node: string;
}

export function writeRun(file: string, rounds: number, measured: Measured): void {
  const date = new Date().toISOString().slice(0, 10);
  const { name, way } = chooseTransport('auto');
  const transport = `${name} (${way})`;
  const run: KeptRun = { date, host: describeHost(), transport, rounds, measured };
  writeFileSync(file, `${JSON.stringify(run, null, 1)}\n`);
}

export function readRun(file: string): KeptRun {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function describeHost(): Host {
  const all = cpus();
  const cpu = all[0]?.model.trim() ?? 'unknown';
  // Without what a distribution adds.
  const [linux = ''] = release().split('-');
  return { cpu, cpus: all.length, arch: arch(), linux, node: process.versions.node };
}

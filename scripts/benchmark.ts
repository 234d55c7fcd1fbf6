/** What all benches need: programs to run, medians, lines to print. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import process from 'node:process';

export const CLI = resolve(import.meta.dirname, '../src/cli/main.js');
export const ROUNDS = 5;

/** Reading extra certificates costs each Node process more than klpfs does; not every host has them. */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;

/** Different places that the tasks of a crowd sleep in. */
const PLACES = 1000;

/** A machine description. One cpu, so that a transition is over when the write returns. */
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

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** What the program prints. Throws unless it succeeds. */
export async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  if (child.exitCode === null) await new Promise((done) => child.once('close', done));
  if (child.exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: ${child.exitCode}`);
  return output;
}

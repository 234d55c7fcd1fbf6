/** Our C programs and the packages of the peers: built and installed when they are first needed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { run, SCRIPTS } from './program.ts';

const COMPILER = ['-O2', '-Wall', '-Wextra', '-std=gnu11'];

/** Installs what is missing, which takes root. */
export async function installPeers(): Promise<void> {
  await run(join(SCRIPTS, 'prepare'), ['--packages-only', '--with-peers']);
}

/** The path of the program that is made of scripts/peers/NAME.c. */
export async function build({ scratch }: Bench, name: string, libraries: readonly string[] = []) {
  const program = join(scratch, name);
  if (existsSync(program)) return program;
  const flags = libraries.length > 0 ? await flagsOf(libraries) : [];
  const source = join(SCRIPTS, 'peers', `${name}.c`);
  await run('gcc', [...COMPILER, source, '-o', program, ...flags]);
  return program;
}

async function flagsOf(libraries: readonly string[]): Promise<string[]> {
  const flags = await run('pkg-config', ['--cflags', '--libs', ...libraries]);
  return flags.trim().split(/\s+/);
}

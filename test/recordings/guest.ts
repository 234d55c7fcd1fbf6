/**
 * Runs the oracle's probes on mounted machines, in namespaces of their own.
 *
 * The machines are mounted one after the other, since fuse-native mounts so; several probes run side
 * by side.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import pino from 'pino';
import type { Session } from '../../mount/session.ts';
import { startDaemon } from '../../src/daemon/daemon.ts';
import { draftMachine, type MachineOptions } from '../../src/machine/parse.ts';
import { TRANSPORT } from '../support/transport.ts';
import { KLPX_MODULES } from './klpx.ts';
import { parseRecording, type Recorded } from './recording.ts';

const HERE = import.meta.dirname;
const ORACLE = join(HERE, '../../scripts/oracle');
/** What `uname -r` said when the recordings of a release were made. */
const KERNELS = { '6.1': '6.1.0-56-amd64', '6.12': '6.12.117+deb12-amd64' } as const;
export type RecordedRelease = keyof typeof KERNELS;
/** A probe that takes longer hangs. Ended from outside, so that it ends even if we are killed. */
const PROBE_TIMEOUT = ['--signal=KILL', '580'];
/** --kill-child: nothing of a guest outlives us. */
const NAMESPACES = ['--mount', '--net', '--pid', '--fork', '--kill-child=SIGKILL'];

/** A script of `linux-RELEASE/`, which has its recording and the machine, too. */
export interface Probe {
  readonly release: RecordedRelease;
  readonly name: string;
}

/** All machines are in this process, and all guests on this host: more would be in each other's way. */
const AT_ONCE = 14;

/** Runs probes, the first ones first. Throws an error that says what to do where that cannot be. */
export async function replay(
  probes: readonly Probe[],
): Promise<ReadonlyMap<Probe, readonly Recorded[]>> {
  await requireGuest();
  const folder = await mkdtemp(join(tmpdir(), 'klpfs-replay-'));
  const several = pLimit(AT_ONCE);
  const one = pLimit(1);
  const onMachine = async (probe: Probe): Promise<[Probe, Recorded[]]> => {
    const session = await one(() => mountMachine(folder, probe));
    try {
      return [probe, await runProbe(folder, probe)];
    } finally {
      await session.unmount('lazy');
    }
  };
  try {
    await compileTools(join(folder, 'tools'));
    return new Map(await allEnded(probes.map((probe) => several(() => onMachine(probe)))));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Throws an error that says what is missing. */
export async function requireGuest(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error('replaying needs root: the probes act as root and as an ordinary user');
  }
  await access('/dev/fuse', constants.R_OK | constants.W_OK).catch((cause) => {
    throw new Error('replaying needs /dev/fuse: modprobe fuse, or --device /dev/fuse', { cause });
  });
  await run(
    'unshare',
    [...NAMESPACES, 'true'],
    'replaying needs unshare(1) and the right to use it',
  );
}

/** Makes a folder with what a guest needs besides this machine's programs. */
export async function compileTools(folder: string): Promise<void> {
  await mkdir(folder);
  await Promise.all(['sysp', 'jrec'].map((tool) => compile(tool, join(folder, tool))));
}

async function compile(tool: string, output: string): Promise<void> {
  const source = join(ORACLE, 'tools', `${tool}.c`);
  const args = ['-O1', '-w', '-o', output, source];
  await run('gcc', args, 'replaying needs a C compiler (apt-get install gcc libc6-dev)');
}

async function mountMachine(folder: string, probe: Probe): Promise<Session> {
  return mountDescribed(mountPoint(folder, probe), besideProbe(probe, 'machine.yaml'), {});
}

/** A machine with the oracle's modules, on a directory that is made for it. */
export async function mountDescribed(
  directory: string,
  file: string,
  options: MachineOptions,
): Promise<Session> {
  await mkdir(directory);
  const text = await readFile(file, 'utf8');
  const { session } = await startDaemon({
    directory,
    machine: draftMachine(text, file, options),
    baseDirectory: HERE,
    allowOther: true,
    transport: TRANSPORT,
    logger: pino({ level: 'silent' }),
    modules: KLPX_MODULES,
  });
  return session;
}

async function runProbe(folder: string, probe: Probe): Promise<Recorded[]> {
  const output = await runScript({
    machine: mountPoint(folder, probe),
    tools: join(folder, 'tools'),
    release: probe.release,
    script: besideProbe(probe, `${probe.name}.sh`),
  });
  return parseRecording(output);
}

export interface GuestRun {
  /** Where the machine is mounted; the guest's root is made beside it. */
  readonly machine: string;
  readonly tools: string;
  readonly release: RecordedRelease;
  readonly script: string;
}

/** What the script prints in a guest of its own. */
export async function runScript({ machine, tools, release, script }: GuestRun): Promise<string> {
  const root = `${machine}-root`;
  await mkdir(root);
  const guest = [join(HERE, 'guest.sh'), machine, root, tools, KERNELS[release], script];
  return run('timeout', [...PROBE_TIMEOUT, 'unshare', ...NAMESPACES, ...guest], script);
}

function mountPoint(folder: string, { release, name }: Probe): string {
  return join(folder, `${release}-${name}`);
}

export function besideProbe({ release }: Probe, file: string): string {
  return join(HERE, `linux-${release}`, file);
}

/** Waits for all of them even if one fails: what they use must stay until then. */
export async function allEnded<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** The output of a program. Throws with `complaint` in front unless it succeeds. */
function run(program: string, args: readonly string[], complaint: string): Promise<string> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new Error(`${complaint}: ${cause.message}`, { cause })));
    child.on('close', (status, signal) => {
      if (status === 0) resolve(output);
      else
        reject(
          new Error(`${complaint}: ended with ${status ?? signal}\n${errors}${output.slice(-500)}`),
        );
    });
  });
}

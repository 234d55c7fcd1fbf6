/** A command in a mount namespace of its own, which a plan has furnished. */
import { type ChildProcess, spawn } from 'node:child_process';
import { text as readStream } from 'node:stream/consumers';
import { mayMount } from '../../mount/privileges.ts';
import { assert } from '../abi/errno.ts';
import { CommandError, EXIT, errnoOf } from './commandError.ts';
import type { Janitor } from './janitor.ts';
import type { NamespacePlan } from './namespacePlan.ts';
import { BASH, type Membership, READY, writeScript } from './namespaceScript.ts';
import { supervise } from './supervise.ts';

/** Which rights a namespace is made with, and as whom the command runs in it. */
export interface Way {
  /** Options of unshare(1). */
  readonly unshare: readonly string[];
  /** What runs the command. */
  readonly runner: readonly string[];
}

export interface Run {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly plan: NamespacePlan;
  readonly membership: Membership;
  readonly stage: string;
  readonly way: Way;
  /** Is told of the namespace. */
  readonly janitor: Janitor;
}

const STDERR_FD = 2;
/** Exit codes above it stand for signals. */
const SIGNALLED = 128;

/** Options of unshare(1): uid 0 is the one whom mount(8) serves. */
const AS_ROOT = ['--user', '--map-root-user', '--mount'];

/** With the right to mount, as we are; otherwise by a user namespace. `user`: UID:GID. */
export function chooseWay(user: string | undefined): Way {
  const unshare = mayMount() ? ['--mount'] : AS_ROOT;
  if (user === undefined) return { unshare, runner: [] };
  const [uid, gid] = user.split(':');
  return {
    unshare,
    // A second user namespace gives back the ids that the first has taken away.
    runner: ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'],
  };
}

/** Runs a command as root of a user namespace with the mounts of this one; its exit code. */
export async function enterUserNamespace(command: readonly string[]): Promise<number> {
  const trial = spawn('unshare', [...AS_ROOT, '--', 'true'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [status, complaints] = await Promise.all([
    superviseUnshare(trial),
    readStream(trial.stderr),
  ]);
  if (status !== 0) throw refusal(AS_ROOT, complaints);
  return superviseUnshare(spawn('unshare', [...AS_ROOT, '--', ...command], { stdio: 'inherit' }));
}

function superviseUnshare(child: ChildProcess): Promise<number> {
  return supervise(child).catch((error) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new CommandError('unshare is missing: apt-get install util-linux');
  });
}

/** How the command ended. Throws `CommandError` when it could not begin. */
export async function runInNamespace({
  command,
  env,
  plan,
  membership,
  stage,
  way,
  janitor,
}: Run): Promise<number> {
  const script = writeScript({ plan, membership, stage, runner: way.runner });
  const { PATH } = env;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const words = [script, 'klpfs run', String(variables.length), ...variables, ...command];
  const child = spawn('unshare', [...way.unshare, '--', ...BASH, ...words], {
    env: { PATH, LC_ALL: 'C' },
    stdio: ['inherit', 'inherit', 'pipe', STDERR_FD, janitor.input],
  });
  const [status, report] = await Promise.all([superviseUnshare(child), reportOf(child)]);
  const isReady = report.endsWith(`${READY}\n`);
  const wasInterrupted = status > SIGNALLED;
  if (isReady || wasInterrupted) return status;
  throw refusal(way.unshare, report);
}

/** What the script says before the command begins. */
function reportOf({ stderr }: ChildProcess): Promise<string> {
  assert(stderr, 'stderr is a pipe');
  return readStream(stderr);
}

function refusal(unshare: readonly string[], complaints: string): CommandError {
  return new CommandError(
    `a namespace for the command is not to be had: unshare ${unshare.join(' ')}`,
    EXIT.ownFailure,
    [...complaints.trimEnd().split('\n'), ...adviceOn(unshare)],
  );
}

function adviceOn(unshare: readonly string[]): string[] {
  return unshare.includes('--user')
    ? [
        'An ordinary user needs user namespaces: sysctl user.max_user_namespaces above 0, and on',
        'Ubuntu kernel.apparmor_restrict_unprivileged_userns=0. A container needs --device /dev/fuse',
        'and --security-opt seccomp=unconfined, or root in it and --cap-add SYS_ADMIN.',
      ]
    : ['A container needs --cap-add SYS_ADMIN --security-opt apparmor=unconfined.'];
}

/** A command in a mount namespace of its own, which a plan has furnished. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { text as readStream } from 'node:stream/consumers';
import { assert } from '../abi/errno.ts';
import { CommandError, EXIT, errnoOf } from './commandError.ts';
import type { NamespacePlan } from './namespacePlan.ts';
import { writeScript } from './namespaceScript.ts';
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
  readonly stage: string;
  readonly way: Way;
  /** Is told the inode number of the namespace. */
  readonly entered: (namespace: string) => void;
}

/** Source: include/uapi/linux/capability.h. */
const CAP_SYS_ADMIN = 21n;
const STDERR_FD = 2;
/** Exit codes above it stand for signals. */
const SIGNALLED = 128;

/** With the right to mount, as we are; otherwise by a user namespace, as its root or as we are. */
export function chooseWay(keepUser: boolean): Way {
  if (mayMount()) return { unshare: ['--mount'], runner: [] };
  const unshare = ['--user', '--map-root-user', '--mount'];
  if (!keepUser) return { unshare, runner: [] };
  // mount(8) serves only uid 0; a second namespace gives the caller's ids back.
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  return {
    unshare,
    runner: ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'],
  };
}

export function mayMount(): boolean {
  const [, effective = '0'] =
    /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** How the command ended. Throws `CommandError` when it could not begin. */
export async function runInNamespace({
  command,
  env,
  plan,
  stage,
  way,
  entered,
}: Run): Promise<number> {
  const script = writeScript({ plan, stage, runner: way.runner });
  const child = spawn(
    'unshare',
    [...way.unshare, '--', 'bash', '-p', '-c', script, 'klpfs run', ...command],
    { env, stdio: ['inherit', 'inherit', 'pipe', STDERR_FD] },
  );
  const ended = supervise(child).catch((error) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new CommandError('unshare is missing: apt-get install util-linux');
  });
  const entry = readEntry(child.stderr);
  const [status, { namespace, complaints }] = await Promise.all([
    ended,
    entry.then((entry) => {
      if (entry.namespace !== undefined) entered(entry.namespace);
      return entry;
    }),
  ]);
  const wasInterrupted = status > SIGNALLED;
  if (namespace !== undefined || wasInterrupted) return status;
  throw new CommandError(
    `no namespace for the command: unshare ${way.unshare.join(' ')} failed`,
    EXIT.failed,
    [...complaints, ...adviceOn(way)],
  );
}

/** What the script says before the command begins. */
async function readEntry(stream: Readable | null) {
  assert(stream, 'stderr is a pipe');
  const lines = (await readStream(stream)).trimEnd().split('\n');
  const [, namespace] = /^ready (\d+)$/.exec(lines.at(-1) ?? '') ?? [];
  return { namespace, complaints: lines };
}

function adviceOn({ unshare }: Way): string[] {
  return unshare.includes('--user')
    ? [
        'an ordinary user needs user namespaces: sysctl user.max_user_namespaces above 0, and on Ubuntu',
        'kernel.apparmor_restrict_unprivileged_userns=0; a container needs --security-opt seccomp=unconfined,',
        'or root in it and --cap-add SYS_ADMIN',
      ]
    : ['a container needs --cap-add SYS_ADMIN --security-opt apparmor=unconfined'];
}

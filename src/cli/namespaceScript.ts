/**
 * The script that carries a plan out, in a mount namespace of its own, and then becomes the command.
 *
 * Node can neither unshare(2) nor mount(2); bash and util-linux can. Until the command's turn stderr
 * goes to whoever started the script: a line `ready INODE`, or what went wrong.
 */
import { posix } from 'node:path';
import type { Child, Copy, NamespacePlan } from './namespacePlan.ts';

/** Where the script finds the command's stderr. */
export const COMMAND_STDERR_FD = 3;

export interface NamespaceScript {
  readonly plan: NamespacePlan;
  /** An empty directory in which copies are put together. */
  readonly stage: string;
  /** What runs the command, as sudo does; empty for the command itself. */
  readonly runner: readonly string[];
}

/** Text for `bash -c`; its arguments are the command. */
export function writeScript({ plan, stage, runner }: NamespaceScript): string {
  return [
    'set -e',
    CLOSE_DEVICE,
    `mount -t tmpfs -o mode=755 klpfs ${quote(stage)}`,
    ...plan.copies.flatMap((copy, index) => fillCopy(copy, `${stage}/${index}`)),
    `cat >${quote(`${stage}/fstab`)} <<'FSTAB'`,
    ...writeFstab(plan, stage),
    'FSTAB',
    // One process for all of them: a hundred mounts take a few milliseconds.
    `mount -a -T ${quote(`${stage}/fstab`)}`,
    `umount -l ${quote(stage)}`,
    'echo "ready $(stat -Lc %i /proc/self/ns/mnt)" >&2',
    `exec 2>&${COMMAND_STDERR_FD} ${COMMAND_STDERR_FD}>&-`,
    REFUSALS,
    `exec -- ${[...runner.map(quote), '"$@"'].join(' ')}`,
  ].join('\n');
}

/** A mount is dead only when nobody holds its device, and libfuse leaves that open. */
const CLOSE_DEVICE = `
for fd in /proc/$$/fd/*; do
  if [[ $fd -ef /dev/fuse ]]; then eval "exec \${fd##*/}<&-"; fi
done`;

/** Source: env(1) and POSIX's command utility: 126 found but not to be run, 127 not found. */
const REFUSALS = `
refuse() { echo "$0: $2" >&2; exit "$1"; }
if [[ $1 == */* ]]; then
  [[ -e $1 ]] || refuse 127 "$1: No such file or directory"
  [[ ! -d $1 ]] || refuse 126 "$1: Is a directory"
  [[ -x $1 ]] || refuse 126 "$1: Permission denied"
else
  type -P -- "$1" >/dev/null || refuse 127 "$1: command not found"
fi`;

function fillCopy({ children, added }: Copy, at: string): string[] {
  const all = [...children, ...added];
  const paths = (kind: Child['kind']) =>
    all.filter((child) => child.kind === kind).map(({ name }) => quote(`${at}/${name}`));
  const files = paths('file');
  const parents = all.map(({ name }) => quote(posix.dirname(`${at}/${name}`)));
  return [
    `mkdir -p ${[...new Set([...parents, ...paths('directory')])].join(' ')}`,
    ...(files.length > 0 ? [`touch ${files.join(' ')}`] : []),
    ...all.flatMap(({ name, kind }) =>
      typeof kind === 'string' ? [] : [`ln -s ${quote(kind.link)} ${quote(`${at}/${name}`)}`],
    ),
  ];
}

/** Copies are filled before any of them is seen, the outermost first. */
function writeFstab({ copies, bound, machine }: NamespacePlan, stage: string): string[] {
  return [
    ...copies.flatMap(({ directory, children }, index) =>
      children
        .filter(({ kind }) => typeof kind === 'string')
        .map(({ name }) => bind(`${directory}/${name}`, `${stage}/${index}/${name}`)),
    ),
    ...copies.map(({ directory }, index) => bind(`${stage}/${index}`, directory)),
    ...bound.map((path) => bind(`${machine}${path}`, path)),
  ];
}

/** Recursive, or what is mounted below would be missing; users may not bind without it. */
function bind(source: string, target: string): string {
  return `${escapeBlanks(source)} ${escapeBlanks(target)} none rbind 0 0`;
}

/** Source: fstab(5). */
function escapeBlanks(path: string): string {
  return path.replace(
    /[\s\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

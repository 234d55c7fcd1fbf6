/**
 * The script that carries a plan out, in a mount namespace of its own, and then becomes the command.
 *
 * Node can neither unshare(2) nor mount(2); bash and util-linux can. Until the command's turn stderr
 * goes to whoever started the script: `READY`, or what went wrong.
 */
import { posix } from 'node:path';
import { BEHIND_MERGED, MERGED_HOST, MERGED_PROC } from '../abi/mergedProc.ts';
import type { Child, Copy, NamespacePlan } from './namespacePlan.ts';

/**
 * Runs a script of ours, whatever the user has set up for his own. Where stdin is a socket, bash takes
 * itself for a remote shell and reads ~/.bashrc without --norc; with -p it reads no BASH_ENV.
 */
export const BASH = ['bash', '--norc', '-p', '-c'] as const;

/** The last word of the script. */
export const READY = 'ready';

/** Where the script finds what is for the command, and for the janitor. */
export const COMMAND_STDERR_FD = 3;
export const JANITOR_FD = 4;

/** attached: processes that it lists; adopted: tasks of its own. */
export type Membership = 'attached' | 'adopted';

export interface NamespaceScript {
  readonly plan: NamespacePlan;
  /** What the command and its children are to the machine. */
  readonly membership: Membership;
  /** An empty directory in which copies are put together. */
  readonly stage: string;
  /** What runs the command; empty for the command itself. */
  readonly runner: readonly string[];
}

/**
 * Text for `bash -c`. Its arguments are the number of variables, these as NAME=VALUE, and the
 * command: bash changes some of the variables that it finds in its own environment.
 */
export function writeScript({ plan, membership, stage, runner }: NamespaceScript): string {
  return [
    'set -e',
    CLOSE_DEVICE,
    // The janitor hears of it even if whoever started us has gone, and long before the command ends.
    `printf 'namespace %s\\0' $$ >&${JANITOR_FD}`,
    `mount -t tmpfs -o mode=755 klpfs ${quote(stage)}`,
    ...(plan.proc === 'merged' ? showMergedProc(plan.machine) : []),
    ...plan.copies.flatMap((copy, index) => makeCopy(copy, `${stage}/${index}`)),
    ...bindChildren(plan, stage),
    ...plan.copies.map(({ directory }, index) => bind(`${stage}/${index}`, directory)),
    ...plan.bound.map((path) => bind(`${plan.machine}${path}`, path)),
    `umount -l ${quote(stage)}`,
    ENROL[membership](`${plan.machine}/control`),
    `echo ${READY} >&2`,
    `exec 2>&${COMMAND_STDERR_FD} ${COMMAND_STDERR_FD}>&- ${JANITOR_FD}>&-`,
    TAKE_VARIABLES,
    REFUSE,
    `exec env -i -- "\${environment[@]}" ${[...runner.map(quote), '"$@"'].join(' ')}`,
  ].join('\n');
}

/**
 * The host's procfs stays behind it; that of a run around this one is behind that one's. It comes
 * first: only where nothing has been mounted over it may a user namespace mount another.
 * sysctl(8) insists on what lies under /proc/sys, so symlinks would not do there.
 */
function showMergedProc(machine: string): string[] {
  return [
    'host=/proc',
    `if [[ -e ${BEHIND_MERGED}/self ]]; then host=${BEHIND_MERGED}; fi`,
    `mount --rbind "$host" ${quote(`${machine}${MERGED_HOST}`)}`,
    bind(`${machine}${MERGED_PROC}`, '/proc'),
    bind(`${BEHIND_MERGED}/sys`, '/proc/sys'),
  ];
}

/** Somebody else's machine may be looked at, but lists nobody for us. */
const ENROL: Readonly<Record<Membership, (control: string) => string>> = {
  attached: (control) => `{ echo $$ >${quote(`${control}/attach`)}; } 2>/dev/null || true`,
  adopted: (control) => `echo $$ >${quote(`${control}/adopt`)}`,
};

/** A mount is dead only when nobody holds its device, and libfuse leaves that open. */
export const CLOSE_DEVICE = `
for fd in /proc/self/fd/*; do
  if [[ $fd -ef /dev/fuse ]]; then eval "exec \${fd##*/}<&-"; fi
done`;

const TAKE_VARIABLES = `
environment=("\${@:2:$1}")
shift $(($1 + 1))`;

/** Source: env(1) and POSIX's command utility: 126 found but not to be run, 127 not found. */
const REFUSE = `
refuse() { echo "$0: $2" >&2; exit "$1"; }
if [[ $1 == */* ]]; then
  [[ -e $1 ]] || refuse 127 "$1: No such file or directory"
  [[ ! -d $1 ]] || refuse 126 "$1: Is a directory"
  [[ -x $1 ]] || refuse 126 "$1: Permission denied"
else
  type -P -- "$1" >/dev/null || refuse 127 "$1: command not found"
fi`;

function makeCopy({ children, added }: Copy, at: string): string[] {
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

/**
 * One process for all children, a hundred of which take a few milliseconds then. Not for the rest:
 * `mount -a` takes a machine within a machine for one that is there already.
 */
function bindChildren({ copies }: NamespacePlan, stage: string): string[] {
  const fstab = quote(`${stage}/fstab`);
  return [
    `cat >${fstab} <<'FSTAB'`,
    ...copies.flatMap(({ directory, children }, index) =>
      children
        .filter(({ kind }) => typeof kind === 'string')
        .map(({ name }) => fstabLine(`${directory}/${name}`, `${stage}/${index}/${name}`)),
    ),
    'FSTAB',
    `mount -a -T ${fstab}`,
  ];
}

/** Recursive, or what is mounted below would be missing; users may not bind without it. */
function bind(source: string, target: string): string {
  return `mount --rbind ${quote(source)} ${quote(target)}`;
}

function fstabLine(source: string, target: string): string {
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

/**
 * Which mounts show a machine at Linux's own paths.
 *
 * A path that the real kernel has is bound over. One that it lacks cannot be made in sysfs, procfs or
 * devtmpfs; there the directory around it gets a copy: a tmpfs that holds everything that the
 * directory has, and the missing path. /proc has no copy, for its entries come and go: the machine
 * shows one that has all of both.
 */
import { posix } from 'node:path';

export type Kind = 'directory' | 'file';

/** The files of the real kernel, as far as a plan asks. */
export interface RealTree {
  readonly kind: (path: string) => Kind | undefined;
  /** Names, in any order. */
  readonly children: (directory: string) => readonly Child[];
}

export interface Child {
  readonly name: string;
  /** A symlink is what it points to. */
  readonly kind: Kind | { readonly link: string };
}

/** merged: the machine's with the host's around it; host: the host's with the machine's files in it. */
export type ProcView = 'merged' | 'host';

export interface Wanted {
  readonly proc: ProcView;
  /** What the machine shows, and has now. */
  readonly targets: ReadonlyMap<string, Kind>;
  /** What it may come to have. */
  readonly later: readonly string[];
  /** Its mount point. */
  readonly machine: string;
}

/** A directory of the real kernel, its children, and what it lacks. */
export interface Copy {
  readonly directory: string;
  readonly children: readonly Child[];
  /** By their path from the directory. */
  readonly added: readonly Child[];
}

/** What becomes of a path. */
export type Verdict =
  | { readonly kind: 'bound' | 'merged' | 'impossible' }
  | { readonly kind: 'added' | 'linked'; readonly to: string };

export interface NamespacePlan {
  readonly machine: string;
  readonly proc: ProcView;
  /** From the outermost to the innermost. */
  readonly copies: readonly Copy[];
  /** Paths that are bound over, each from the same path in the machine. */
  readonly bound: readonly string[];
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

const WITHOUT_COPY = ['/', '/proc'];

/** Decides for every path how it is shown. */
export function planNamespace(
  { proc, targets, later, machine }: Wanted,
  real: RealTree,
): NamespacePlan {
  const verdicts = new Map<string, Verdict>();
  const added = new Map<string, Child[]>();
  const add = (path: string, kind: Child['kind'], verdict: 'added' | 'linked') => {
    const directory = nearestDirectory(path, real);
    if (WITHOUT_COPY.includes(directory)) {
      verdicts.set(path, { kind: 'impossible' });
      return;
    }
    const child = { name: posix.relative(directory, path), kind };
    added.set(directory, [...(added.get(directory) ?? []), child]);
    verdicts.set(path, { kind: verdict, to: directory });
  };

  for (const [path, kind] of targets) {
    if (real.kind(path) === kind) verdicts.set(path, { kind: 'bound' });
    else add(path, kind, 'added');
  }
  for (const path of later) {
    if (targets.has(path) || real.kind(path)) continue;
    add(path, { link: `${machine}${path}` }, 'linked');
  }

  if (proc === 'merged') verdicts.set('/proc', { kind: 'merged' });

  const directories = [...added.keys()].sort(byDepth);
  return {
    machine,
    proc,
    copies: directories.map((directory) =>
      copyOf(directory, real.children(directory), added.get(directory) ?? []),
    ),
    bound: [...targets.keys()].filter((path) => verdicts.get(path)?.kind !== 'impossible'),
    verdicts,
  };
}

/** A run within a run finds the links of the outer one, which lead nowhere yet. */
function copyOf(directory: string, children: readonly Child[], added: readonly Child[]): Copy {
  const names = new Set(added.map(({ name }) => name));
  return { directory, children: children.filter(({ name }) => !names.has(name)), added };
}

function nearestDirectory(path: string, real: RealTree): string {
  const parent = posix.dirname(path);
  return parent === '/' || real.kind(parent) === 'directory'
    ? parent
    : nearestDirectory(parent, real);
}

function byDepth(a: string, b: string): number {
  return a.split('/').length - b.split('/').length;
}

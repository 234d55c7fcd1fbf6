/**
 * Which machine a command is about.
 *
 * `--mount DIR`, else KLPFS_MOUNT, else the mount around the current directory, else the only mount
 * with a control/. Everything is read off the list of mounts; a mount itself is looked at only when
 * it is about to be used.
 */
import { readlinkSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { listKlpfsMounts } from '../../mount/mountInfo.ts';
import { CommandError, errnoOf, errnoText } from './commandError.ts';

/** dead: its daemon is gone; part: a subtree of a machine, without control/. */
export type Condition = 'live' | 'dead' | 'part' | 'forbidden';

export interface Surroundings {
  /** What the user named, and how: an absolute path without symlinks. */
  readonly named: { readonly path: string; readonly by: '--mount' | 'KLPFS_MOUNT' } | undefined;
  readonly currentDirectory: string;
  /** Mount points of klpfs, in the order in which they were made. */
  readonly mounts: readonly string[];
}

/** Nobody named a machine, and none is mounted. */
export class NoMachineError extends CommandError {}

/** The mount point of the machine. Throws `CommandError` where there is none, or no single one. */
export async function findMachine(mountOption: string | undefined): Promise<string> {
  const mounts = (await listKlpfsMounts()).map(({ directory }) => directory);
  return chooseMachine(
    { named: namedPath(mountOption), currentDirectory: currentDirectory(), mounts },
    conditionOf,
  );
}

export function chooseMachine(
  { named, currentDirectory, mounts }: Surroundings,
  inspect: (directory: string) => Condition,
): string {
  if (named) {
    const around = innermost(mounts, named.path);
    if (around) return requireLive(around, inspect(around));
    const how = named.by === 'KLPFS_MOUNT' ? ', which KLPFS_MOUNT names,' : '';
    throw new CommandError(`${named.path}${how} is no klpfs mount`);
  }
  const around = innermost(mounts, currentDirectory);
  const condition = around && inspect(around);
  if (around && condition && condition !== 'part') return requireLive(around, condition);
  return onlyMachine([...new Set(mounts)], inspect);
}

function onlyMachine(mounts: readonly string[], inspect: (directory: string) => Condition): string {
  const candidates = mounts.map((directory) => ({ directory, condition: inspect(directory) }));
  const live = candidates.filter(({ condition }) => condition === 'live');
  const [first] = live.length > 0 ? live : candidates;
  if (!first) {
    throw new NoMachineError('no machine is mounted; `klpfs mount DIR` starts one');
  }
  if (live.length > 1) {
    const list = live.map(({ directory }) => directory).join(', ');
    throw new CommandError(
      `${live.length} machines are mounted: ${list}; choose one with --mount DIR or KLPFS_MOUNT`,
    );
  }
  return requireLive(first.directory, first.condition);
}

function requireLive(directory: string, condition: Condition): string {
  switch (condition) {
    case 'live':
      return directory;
    case 'dead':
      throw diedError(directory);
    case 'part':
      throw new CommandError(`${directory} shows a part of a machine only: it has no control/`);
    case 'forbidden':
      throw new CommandError(
        `the machine on ${directory} is somebody else's, and was mounted without --allow-other`,
      );
  }
}

/** For a mount whose daemon has gone without unmounting. */
export function diedError(directory: string): CommandError {
  return new CommandError(
    `the machine on ${directory} has died; \`klpfs mount ${directory}\` starts a new one`,
  );
}

function innermost(mounts: readonly string[], path: string): string | undefined {
  return mounts
    .filter((directory) => path === directory || path.startsWith(`${directory}/`))
    .reduce<string | undefined>(
      (longest, directory) => (directory.length > (longest?.length ?? 0) ? directory : longest),
      undefined,
    );
}

/** The kernel remembers files of a machine that has died, but not how full its file system is. */
function conditionOf(directory: string): Condition {
  try {
    statfsSync(directory);
    statSync(join(directory, 'control/machine'));
    return 'live';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return 'part';
    return errno === 'EACCES' ? 'forbidden' : 'dead';
  }
}

function namedPath(mountOption: string | undefined): Surroundings['named'] {
  if (mountOption !== undefined) return { path: realPath(mountOption), by: '--mount' };
  const { KLPFS_MOUNT: variable } = process.env;
  return variable ? { path: realPath(variable), by: 'KLPFS_MOUNT' } : undefined;
}

/** Without symlinks; for a dead mount, which cannot be looked at, its parent's and its name. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOTCONN' || errno === 'ECONNABORTED') {
      const absolute = resolve(path);
      return join(realpathSync(dirname(absolute)), basename(absolute));
    }
    throw new CommandError(`${path}: ${errnoText(errno)}`);
  }
}

/** Never touches the directory, which may have been removed, or its machine died. */
function currentDirectory(): string {
  return readlinkSync('/proc/self/cwd');
}

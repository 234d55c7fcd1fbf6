/**
 * A /dev/fuse that somebody else has opened and mounted, and passed to us: a supervisor, or
 * `mount.fuse3 -o drop_privileges`.
 *
 * Nothing here looks at the mount itself, which answers nobody before it is served.
 */
import { fstatSync, readFileSync, writeSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MountError } from './mountError.ts';
import { MOUNT_TYPE, type Mount, readMounts } from './mountInfo.ts';

/** A mount that waits for somebody to serve it. */
export interface PassedMount {
  readonly fd: number;
  /** Its mount point, a real path. */
  readonly directory: string;
}

/** `makedev(MISC_MAJOR, FUSE_MINOR)`. Source: include/linux/{major,miscdevice}.h. */
const FUSE_DEVICE = (10 << 8) | 229;

/** How libfuse names a mount point that is a descriptor. Source: lib/mount_util.c. */
const DESCRIPTOR_PATH = /^\/dev\/fd\/(\d+)$/;

/** The descriptor that a mount point of the form `/dev/fd/N` names. */
export function descriptorIn(path: string): number | undefined {
  const number = DESCRIPTOR_PATH.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}

/**
 * Where a descriptor is mounted; `path`, unless it is the descriptor's own, must be that place.
 * Throws `MountError` when it is not, or when the descriptor is no mounted /dev/fuse.
 */
export async function findPassedMount(fd: number, path: string): Promise<PassedMount> {
  requireConnected(fd);
  const mounts = (await readMounts()).filter(({ type }) => type.startsWith('fuse'));
  const named = descriptorIn(path) === undefined ? await mountPointAt(path, mounts) : undefined;
  const connection = connectionOf(fd);
  const candidates = mounts
    .filter(({ directory }) => named === undefined || named === directory)
    .filter(({ device, type }) =>
      connection === undefined ? type === MOUNT_TYPE : connection === device,
    );
  // One file system may be mounted in more than one place, last in copies.
  const mount = connection === undefined ? candidates.at(-1) : candidates[0];
  if (!mount) {
    const where = named === undefined ? 'where this process sees it' : `on ${named}`;
    throw new MountError('not-mounted', `descriptor ${fd} is not mounted ${where}`);
  }
  if (mount.type !== MOUNT_TYPE) throw wrongType(mount);
  return { fd, directory: mount.directory };
}

/** The other commands find machines by their type. */
function wrongType({ directory, type }: Mount): MountError {
  return new MountError(
    'bad-descriptor',
    `${directory} is mounted as ${type}; klpfs needs the type ${MOUNT_TYPE}, or the option subtype=klpfs`,
  );
}

function requireConnected(fd: number): void {
  if (!isOpen(fd)) throw new MountError('bad-descriptor', `descriptor ${fd} is not open`);
  const stats = fstatSync(fd);
  if (!stats.isCharacterDevice() || stats.rdev !== FUSE_DEVICE) {
    throw new MountError('bad-descriptor', `descriptor ${fd} is no /dev/fuse`);
  }
  // Too short for any connection, which says EINVAL; EPERM is that of a device without one.
  if (errnoOf(() => writeSync(fd, '\0')) === 'EPERM') {
    throw new MountError('not-mounted', `descriptor ${fd} is a /dev/fuse that is not mounted`);
  }
}

function isOpen(fd: number): boolean {
  return errnoOf(() => fstatSync(fd)) !== 'EBADF';
}

function errnoOf(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : undefined;
  }
}

/**
 * The device of the descriptor's file system, as mountinfo has it; undefined where an older
 * kernel does not tell. Source: fs/fuse/dev.c:fuse_dev_show_fdinfo().
 */
function connectionOf(fd: number): string | undefined {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  const minor = /^fuse_connection:\s*(\d+)$/m.exec(info)?.[1];
  return minor && `0:${minor}`;
}

/** Without symlinks; the last name is followed only where nothing is mounted on it. */
async function mountPointAt(path: string, mounts: readonly Mount[]): Promise<string> {
  const absolute = resolve(path);
  try {
    const directory = join(await realpath(dirname(absolute)), basename(absolute));
    const isMounted = mounts.some((mount) => mount.directory === directory);
    return isMounted ? directory : await realpath(directory);
  } catch (cause) {
    throw new MountError('missing-directory', `${path} does not exist`, { cause });
  }
}

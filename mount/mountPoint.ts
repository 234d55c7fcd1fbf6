/** What must be true before a directory can be mounted on. */
import { constants } from 'node:fs';
import { open, readdir, realpath, statfs } from 'node:fs/promises';
import { runFusermount } from './fusermount.ts';
import { MountError } from './mountError.ts';
import { findMount, MOUNT_TYPE } from './mountInfo.ts';
import { unmountDirectory } from './unmount.ts';

/** A directory that can be mounted on. */
export interface MountPoint {
  /** Its real path: absolute, without symlinks. */
  readonly directory: string;
  /** A mount of klpfs was left there by a daemon that has died, and has been taken away. */
  readonly recovered: boolean;
}

/** Checks a directory, after taking away a dead mount of ours. Throws `MountError`. */
export async function prepareMountPoint(path: string): Promise<MountPoint> {
  const directory = await realpath(path).catch((error) => {
    throw unusable(path, error);
  });
  const recovered = await takeAwayDeadMounts(directory);
  await requireUnmounted(directory);
  await requireEmptyDirectory(directory);
  return { directory, recovered };
}

/** Checks that this system can mount FUSE file systems at all. Throws `MountError`. */
export async function requireFuse(): Promise<void> {
  await requireDevice();
  await runFusermount(['-V']);
}

/** libfuse 2 opens the device before it asks fusermount, as whoever mounts. */
async function requireDevice(): Promise<void> {
  try {
    await (await open('/dev/fuse', constants.O_RDWR)).close();
  } catch (cause) {
    throw new MountError('no-device', adviceOnDevice(codeOf(cause)), { cause });
  }
}

function adviceOnDevice(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return '/dev/fuse is missing: modprobe fuse, or --device /dev/fuse for a container';
    case 'EACCES':
      return '/dev/fuse may not be opened by this user: chmod 666 /dev/fuse';
    default:
      return `/dev/fuse cannot be opened (${code}): a container needs --device /dev/fuse and --cap-add SYS_ADMIN`;
  }
}

/** Mounts may lie on top of each other; every round takes one away. */
async function takeAwayDeadMounts(directory: string): Promise<boolean> {
  let recovered = false;
  while (await isDead(directory)) {
    const mount = await findMount(directory);
    if (mount?.type !== MOUNT_TYPE) {
      const what = mount ? `a dead mount of type ${mount.type}` : 'a dead mount';
      throw new MountError('already-mounted', `${directory} lies in ${what}: unmount that first`);
    }
    await unmountDirectory(directory, 'lazy');
    recovered = true;
  }
  return recovered;
}

/**
 * "Transport endpoint is not connected": nobody serves the mount any more. What stat(2) says may be
 * remembered from better times. Source: fs/fuse/inode.c:fuse_statfs().
 */
async function isDead(directory: string): Promise<boolean> {
  try {
    await statfs(directory);
    return false;
  } catch (error) {
    if (codeOf(error) === 'ENOTCONN') return true;
    throw unusable(directory, error);
  }
}

async function requireUnmounted(directory: string): Promise<void> {
  const mount = await findMount(directory);
  if (!mount) return;
  const what =
    mount.type === MOUNT_TYPE ? 'a machine' : `something else (${mount.source}, ${mount.type})`;
  throw new MountError('already-mounted', `${what} is already mounted on ${directory}`);
}

async function requireEmptyDirectory(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error) => {
    throw unusable(directory, error);
  });
  if (names.length > 0) throw new MountError('not-empty', `${directory} is not empty`);
}

function unusable(path: string, cause: unknown): MountError {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return new MountError('missing-directory', `${path} does not exist`, { cause });
    case 'ENOTDIR':
      return new MountError('not-a-directory', `${path} is not a directory`, { cause });
    case 'EACCES':
      return new MountError('no-permission', `${path} may not be looked into`, { cause });
    default:
      return new MountError('refused', `${path} cannot be mounted on: ${String(cause)}`, { cause });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

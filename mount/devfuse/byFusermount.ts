/**
 * fusermount3, which is set-user-ID root, mounts for an ordinary user.
 *
 * It opens a device of its own, and passes that through a socket from which Node cannot take it. A
 * few lines of Python can, and connect the device that we have to the same mount.
 *
 * Source: fusermount3(1); libfuse's lib/mount.c:receive_fd(); fs/fuse/dev.c:fuse_dev_ioctl_clone().
 */
import { assert } from '../../src/abi/errno.ts';
import type { MountOptions } from '../transport.ts';
import { MAX_WRITE_BYTES } from './connectionOperations.ts';
import { DEVICE_FD, mountDevice } from './device.ts';
import { findPython } from './python.ts';

/** `_IOR(229, 0, uint32_t)`. Source: include/uapi/linux/fuse.h. */
export const FUSE_DEV_IOC_CLONE = 0x8004e500;

/**
 * Arguments: our device's descriptor, the ioctl, mount options, the directory. Ends with 0 when the
 * device is mounted; else nothing is, and stderr says why.
 */
export const RECEIVER = `
import fcntl, os, socket, struct, sys
device, clone, options, directory = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]

def run(*words, **variables):
    pid = os.posix_spawnp(words[0], words, {**os.environ, **variables})
    return os.waitpid(pid, 0)[1]

ours, theirs = socket.socketpair()
theirs.set_inheritable(True)
status = run('fusermount3', '-o', options, '--', directory, _FUSE_COMMFD=str(theirs.fileno()))
theirs.close()
rights = ours.recvmsg(1, socket.CMSG_SPACE(4))[1]
if status or not rights:
    sys.exit(1)
try:
    fcntl.ioctl(device, clone, rights[0][2])
except OSError as error:
    run('fusermount3', '-uz', '--', directory)
    sys.exit(f'the device cannot join the mount: {error.strerror}')
`;

/** `-I -S`: nothing of the user's is imported. */
export function mountByFusermount(directory: string, options: MountOptions): Promise<number> {
  const python = findPython();
  assert(python, 'asked to mount without Python');
  const args = [DEVICE_FD, FUSE_DEV_IOC_CLONE, optionList(options), directory].map(String);
  return mountDevice(python, ['-I', '-S', '-c', RECEIVER, ...args]);
}

/** Ids, nosuid and nodev come from fusermount. Source: libfuse's util/fusermount.c. */
function optionList({ allowOther }: MountOptions): string {
  return [
    'fsname=klpfs',
    'subtype=klpfs',
    'default_permissions',
    `max_read=${MAX_WRITE_BYTES}`,
    ...(allowOther ? ['allow_other'] : []),
  ].join(',');
}

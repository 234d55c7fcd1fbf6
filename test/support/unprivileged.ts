/** Commands in front of a command, for what an ordinary user may do. */

/** May read the project wherever it lies; that does not help him with a mount. */
export const AS_NOBODY = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
];

/**
 * In a mount namespace of its own, where anybody may open /dev/fuse, as udev has it. The node for
 * that is made in a folder.
 */
export function withOpenDevice(folder: string): string[] {
  const script = 'mknod -m 666 $0/fuse c 10 229 && mount --bind $0/fuse /dev/fuse && exec "$@"';
  return ['unshare', '--mount', 'bash', '-c', script, folder];
}

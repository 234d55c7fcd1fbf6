/**
 * `-o`, as programs have it that mount(8) starts by way of mount.fuse3.
 *
 * What we have an option for is that option: `-o release=6.1,log_file=/var/log/klpfs.log`. What the
 * mount itself has been made with, or is none of our business, is passed over.
 *
 * Source: mount(8), FILESYSTEM-INDEPENDENT MOUNT OPTIONS; mount.fuse3(8).
 */
import type { Command } from 'commander';
import { CommandError, MOUNT_EXIT } from './commandError.ts';

const OF_THE_MOUNT = new Set([
  ...['defaults', 'rw', 'async', 'sync', 'dirsync', 'iversion', 'noiversion', 'silent', 'loud'],
  ...['suid', 'nosuid', 'dev', 'nodev', 'exec', 'noexec', 'nosymfollow', 'mand', 'nomand'],
  ...['atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime'],
  ...['strictatime', 'nostrictatime', 'lazytime', 'nolazytime'],
  ...['auto', 'noauto', 'nofail', '_netdev', 'user', 'nouser', 'users', 'owner', 'group'],
  ...['context', 'fscontext', 'defcontext', 'rootcontext', 'comment'],
  ...['fsname', 'subtype', 'rootmode', 'user_id', 'group_id'],
  ...['default_permissions', 'max_read', 'blksize', 'auto_unmount', 'nonempty'],
  ...['setuid', 'drop_privileges'],
]);

/** Comments of mount(8) and of systemd. */
const COMMENT = /^x-/i;

/** Sets a command's own options as `-o` has them. */
export function applyMountOptions(command: Command, list: string): void {
  const ours = list.split(',').filter((word) => word !== '' && !isOfTheMount(nameOf(word)));
  const { unknown } = command.parseOptions(ours.map(longOption));
  const [first] = unknown;
  if (first === undefined) return;
  const index = ours.map(longOption).indexOf(first);
  throw new CommandError(`-o: there is no option '${ours[index]}'`, MOUNT_EXIT.usage);
}

function isOfTheMount(name: string): boolean {
  return OF_THE_MOUNT.has(name) || COMMENT.test(name);
}

function nameOf(word: string): string {
  return word.replace(/=.*/s, '');
}

function longOption(word: string): string {
  const name = nameOf(word);
  return `--${name.replaceAll('_', '-')}${word.slice(name.length)}`;
}

/** What a command in a machine's namespace finds in its environment, and on its PATH. */
import { existsSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** From the compiled file, in dist/src/chunks. */
const PACKAGE = resolve(import.meta.dirname, '../../..');
const MAIN = join(PACKAGE, 'dist/src/cli/main.js');
/** One program with many names, which finds the machine by KLPFS_MOUNT. */
const SHIM = join(PACKAGE, 'scripts/klpfs-shim');

/** Programs that ask the kernel by system calls, and whose answers the machine gives instead. */
export const SHIMMED = ['insmod', 'rmmod', 'modprobe', 'modinfo', 'lsmod', 'dmesg', 'uname'];
/** Where they are for root; the PATH of a user may lack these. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin'];
/** Source: execvp(3), without PATH in the environment; env(1) and bash do the same. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Fills a directory with the commands that talk to the machine. */
export function linkCommands(directory: string): void {
  symlinkSync(MAIN, join(directory, 'klpfs'));
  if (!existsSync(SHIM)) return;
  for (const name of SHIMMED) symlinkSync(SHIM, join(directory, name));
}

export function environmentFor(
  env: NodeJS.ProcessEnv,
  binDirectory: string,
  machine: string,
): NodeJS.ProcessEnv {
  const path = (env['PATH'] ?? DEFAULT_PATH).split(':');
  const missing = SYSTEM_DIRECTORIES.filter((directory) => !path.includes(directory));
  return {
    ...env,
    KLPFS_MOUNT: machine,
    PATH: [binDirectory, ...path, ...missing].join(':'),
  };
}

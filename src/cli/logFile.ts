/** Where a daemon in the background logs. */
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { CommandError, errnoOf, errnoText, MOUNT_EXIT } from './commandError.ts';

/**
 * The default log file of a machine: its mount point with `-` for `/`, in the user's state
 * directory. Source: XDG Base Directory Specification 0.8, which wants relative paths ignored.
 */
export function defaultLogFile(directory: string, stateHome: string | undefined): string {
  const base =
    stateHome !== undefined && isAbsolute(stateHome)
      ? stateHome
      : join(homedir(), '.local', 'state');
  const name = directory.split('/').filter(Boolean).join('-') || 'root';
  return join(base, 'klpfs', `${name}.log`);
}

/** Opens it to append; its directory is made if need be. */
export function openLogFile(path: string): number {
  try {
    if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a', 0o600);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new CommandError(
      `the log ${path} cannot be written: ${errnoText(errno)}; --log-file FILE names another`,
      MOUNT_EXIT.system,
    );
  }
}

/** `klpfs umount`: ends a machine, as umount(8) ends any mount. */
import process from 'node:process';
import type { Command } from 'commander';
import { findMount, MOUNT_TYPE } from '../../../mount/mountInfo.ts';
import { CommandError, MOUNT_EXIT } from '../commandError.ts';
import { findMachine, realPath } from '../findMachine.ts';

interface Options {
  readonly lazy?: true;
}

export function addUmountCommand(program: Command): void {
  program
    .command('umount')
    .description('unmount a machine, which ends it')
    .argument('[dir]', 'where it is mounted (default: the machine that other commands would use)')
    .option('-l, --lazy', 'hide the mount now, and end the machine when nobody uses it any more')
    .addHelpText(
      'after',
      `
Exit code, as of umount(8): 0 unmounted, 1 usage or permission, 2 system,
32 not unmounted (it is busy: who holds it is printed; or it is no mount).

Examples:
  $ klpfs umount ~/klp
  $ cd ~/klp && klpfs umount --lazy

The same without klpfs: umount DIR, or fusermount -u DIR`,
    )
    .action(async (path: string | undefined, options: Options) => {
      const directory = await findMountPoint(path);
      const { unmountDirectory } = await import('../../../mount/unmount.ts');
      // Else this process would itself keep the mount of its current directory busy.
      process.chdir('/');
      await unmountDirectory(directory, options.lazy ? 'lazy' : 'plain');
    });
}

/** A directory that is named must be a mount point of ours, dead or alive. */
async function findMountPoint(path: string | undefined): Promise<string> {
  try {
    if (path === undefined) return await findMachine(undefined);
    const directory = realPath(path);
    if ((await findMount(directory))?.type === MOUNT_TYPE) return directory;
    throw new CommandError(`${directory} is no klpfs mount`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(error.message, MOUNT_EXIT.failure);
  }
}

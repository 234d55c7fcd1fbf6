/** `klpfs umount`: ends a machine, as umount(8) ends any mount. */
import process from 'node:process';
import type { Command } from 'commander';
import { CommandError } from '../commandError.ts';
import { findMachine, realPath } from '../findMachine.ts';

interface Options {
  readonly lazy?: true;
}

const MOUNT_FAILURE = 32;

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
      const directory = path === undefined ? await findMachine(undefined) : realPath(path);
      const { findMount, MOUNT_TYPE } = await import('../../../mount/mountInfo.ts');
      if ((await findMount(directory))?.type !== MOUNT_TYPE) {
        throw new CommandError(`${directory} is no klpfs mount`, MOUNT_FAILURE);
      }
      const { unmountDirectory } = await import('../../../mount/unmount.ts');
      // Else this process would itself keep the mount of its current directory busy.
      process.chdir('/');
      await unmountDirectory(directory, options.lazy ? 'lazy' : 'plain');
    });
}

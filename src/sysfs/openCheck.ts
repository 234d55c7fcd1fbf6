/** Who may open a file, root included. Source: fs/kernfs/file.c:kernfs_fop_open(). */
import { KernelError } from '../abi/errno.ts';
import { mayRead, mayWrite, S_IRUGO, S_IWUGO } from '../abi/mode.ts';

/**
 * Refuses with EACCES what no mode bit at all allows: permissions alone would let root do it.
 */
export function checkModeBits(mode: number, flags: number): void {
  if (mayWrite(flags) && (mode & S_IWUGO) === 0) throw new KernelError('EACCES', 'read-only');
  if (mayRead(flags) && (mode & S_IRUGO) === 0) throw new KernelError('EACCES', 'write-only');
}

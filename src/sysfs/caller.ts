/** What whoever asks may do beyond what permission bits say. */
import type { Tree } from './inode.ts';
import type { Caller } from './node.ts';

/**
 * Whether the caller has the capabilities of root: so has whoever runs the machine, and everybody
 * where the transport cannot tell.
 */
export function isCapable({ owner }: Tree, caller: Caller | undefined): boolean {
  return caller === undefined || caller.uid === 0 || caller.uid === owner.uid;
}

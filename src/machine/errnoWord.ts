/** Errnos as people write them: `-19`, `-ENODEV`, `ENODEV`. */
import { ERRNO, type ErrnoName, errnoName } from '../abi/errno.ts';

/** Zero or a negative number; undefined for what no kernel function returns. */
export function errnoNumber(written: number | string): number | undefined {
  if (typeof written === 'number') {
    return written === 0 || errnoName(-written) ? written : undefined;
  }
  const name = written.replace(/^-/, '');
  return isErrnoName(name) ? -ERRNO[name].number : undefined;
}

function isErrnoName(name: string): name is ErrnoName {
  return Object.hasOwn(ERRNO, name);
}

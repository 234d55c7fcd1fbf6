/** Numbers in /proc/sys. Source: kernel/sysctl.c:proc_dointvec(). */
import { KernelError } from '../abi/errno.ts';

const INT_MAX = 0x7fff_ffff;

/**
 * The first word, an int in any base; what comes after it is not looked at.
 *
 * @throws KernelError EINVAL if it is none, or does not fit.
 */
export function parseSysctl(input: string): number {
  const match = /^\s*(-?)(0[xX][0-9a-fA-F]+|\d+)(?=[\s\0]|$)/.exec(input);
  const digits = match?.[2] ?? '';
  const magnitude = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  if (!match || magnitude > INT_MAX) throw new KernelError('EINVAL', 'no int');
  return match[1] && magnitude !== 0 ? -magnitude : magnitude;
}

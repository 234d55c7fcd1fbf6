/** What kmod's programs say about errnos. */
import { errnoText } from './commandError.ts';

const OF_LOADING: Readonly<Record<string, string>> = {
  ENOEXEC: 'Invalid module format',
  ENOENT: 'Unknown symbol in module',
  ESRCH: 'Module has wrong symbol version',
  EINVAL: 'Invalid parameters',
};

/** insmod(8): what finit_module(2) may mean by an errno. Source: kmod, tools/insmod.c:mod_strerror(). */
export function insmodText(errno: string): string {
  return OF_LOADING[errno] ?? errnoText(errno);
}

/** modprobe(8). Source: kmod, tools/modprobe.c:insmod(). */
export function modprobeText(errno: string): string {
  if (errno === 'EEXIST') return 'Module already in kernel';
  if (errno === 'ENOENT') return 'Unknown symbol in module, or unknown parameter (see dmesg)';
  return errnoText(errno);
}

/** What differs between two runs of the same on the same release: when, and where in memory. */

/** Where a line of the kernel log begins with one, with the level that `dmesg -r` shows. */
const TIMES = /^(<\d+>)?\[ *\d+\.\d{6}\]/gm;
/** Not NULL, which is the same everywhere. */
const ADDRESSES = /\b(0x)?(?!0{16})[0-9a-f]{16}\b/g;

export function normalise(text: string): string {
  return text.replace(TIMES, '$1[time]').replace(ADDRESSES, '$1[address]');
}

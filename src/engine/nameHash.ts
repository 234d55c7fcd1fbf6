/**
 * The order of a sysfs listing: by a hash of the name, the same on every boot.
 *
 * Source: fs/kernfs/dir.c:kernfs_name_hash(), include/linux/stringhash.h, include/linux/hash.h.
 */

const GOLDEN_RATIO_64 = 0x61c8864680b583ebn;
const MASK_64 = (1n << 64n) - 1n;
const INT_MAX = 0x7fffffff;

/** The hash by which kernfs orders siblings; never 0, 1 or INT_MAX. */
export function nameHash(name: string): number {
  let partial = 0n;
  for (const character of name) {
    const code = BigInt(character.charCodeAt(0));
    partial = ((partial + (code << 4n) + (code >> 4n)) * 11n) & MASK_64;
  }
  const hash = Number(((partial * GOLDEN_RATIO_64) & MASK_64) >> 32n) & INT_MAX;
  if (hash < 2) return hash + 2;
  return Math.min(hash, INT_MAX - 1);
}

/** Names in the order of readdir(3) of sysfs. Hashes are kept: names come again and again. */
export function sortByHash(names: Iterable<string>, hashes: Map<string, number>): string[] {
  const keyed = [...names].map((name) => ({ name, hash: hashes.get(name) ?? nameHash(name) }));
  for (const { name, hash } of keyed) hashes.set(name, hash);
  keyed.sort((a, b) => a.hash - b.hash || (a.name < b.name ? -1 : 1));
  return keyed.map(({ name }) => name);
}

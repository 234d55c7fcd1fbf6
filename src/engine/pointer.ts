/**
 * Addresses as %p prints them: hashed, so that nobody learns where things are.
 *
 * What C has in memory is a value here; two of them have the same address if they are the same.
 *
 * Source: lib/vsprintf.c:ptr_to_id(), pointer().
 */
import { between, isIn, type Release, type ReleaseSpan, since } from '../abi/release.ts';
import type { Kernel } from './kernel.ts';
import { createRandom, type Random, randomBelow } from './random.ts';

/** What a pointer in C would point to; undefined is NULL. A string is the address of what it names. */
export type Pointer = object | string | undefined;

export interface Pointers {
  readonly random: Random;
  readonly ofObjects: WeakMap<object, string>;
  readonly ofNames: Map<string, string>;
}

/** The key of the hash is drawn once a boot. */
export function createPointers(seed: number): Pointers {
  return { random: createRandom(~seed), ofObjects: new WeakMap(), ofNames: new Map() };
}

/** NULL is no secret, but how it is written has changed. */
export const NULLS: readonly { readonly text: string; readonly releases: ReleaseSpan }[] = [
  { text: '(null)'.padStart(16), releases: between('4.0', '5.8') },
  { text: '0'.repeat(16), releases: since('5.8') },
];

/** printk("%p"): sixteen digits, of which the hash has the lower eight. */
export function formatPointer({ pointers, config }: Kernel, pointer: Pointer): string {
  if (pointer === undefined) return formatNull(config.release);
  if (typeof pointer === 'string') return known(pointers, pointers.ofNames, pointer);
  return known(pointers, pointers.ofObjects, pointer);
}

function formatNull(release: Release): string {
  return NULLS.find(({ releases }) => isIn(release, releases))?.text ?? '';
}

function known<Key>(
  { random }: Pointers,
  hashes: { get(key: Key): string | undefined; set(key: Key, hash: string): unknown },
  pointer: Key,
): string {
  const hash =
    hashes.get(pointer) ??
    randomBelow(random, 2 ** 32)
      .toString(16)
      .padStart(16, '0');
  hashes.set(pointer, hash);
  return hash;
}

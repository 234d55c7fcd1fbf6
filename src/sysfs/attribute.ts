/**
 * Attributes: files as rows of a table. The mode follows from which of show and store there are,
 * as with __ATTR_RO() and its like.
 *
 * Source: include/linux/sysfs.h.
 */
import type { ReleaseSpan } from '../abi/release.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { Answer } from './node.ts';

type Show<Owner> = (owner: Owner, kernel: Kernel) => Answer<string>;
type Store<Owner> = (owner: Owner, input: string, kernel: Kernel) => Answer<void>;

export interface Attribute<Owner> {
  readonly mode: number;
  readonly releases: ReleaseSpan;
  /** What stat says; a page unless the file is of a known size. */
  readonly sizeBytes?: number;
  readonly show?: Show<Owner>;
  readonly store?: Store<Owner>;
}

export type AttributeTable<Owner> = Readonly<Record<string, Attribute<Owner>>>;

export function ro<Owner>(releases: ReleaseSpan, show: Show<Owner>): Attribute<Owner> {
  return { mode: 0o444, releases, show };
}

export function wo<Owner>(releases: ReleaseSpan, store: Store<Owner>): Attribute<Owner> {
  return { mode: 0o200, releases, store };
}

export function rw<Owner>(
  releases: ReleaseSpan,
  show: Show<Owner>,
  store: Store<Owner>,
): Attribute<Owner> {
  return { mode: 0o644, releases, show, store };
}

export function formatFlag(flag: boolean): string {
  return flag ? '1\n' : '0\n';
}

/** What some releases have and others lack, in words. */
import { isIn, type Point, type Release, type ReleaseSpan } from '../abi/release.ts';

/** In the order in which they are shown. */
export const KINDS = [
  'attribute',
  'file',
  'rule',
  'word',
  'wording',
  'debug line',
  'symbol',
  'kthread',
  'module',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Trait {
  readonly kind: Kind;
  /** Two traits with the same words are the same, whatever their spans. */
  readonly what: string;
  readonly releases: ReleaseSpan;
  /** What does not fit in a line, for who wants to see it. */
  readonly details?: readonly string[];
  /** Where Linux has it. */
  readonly source?: string;
}

/** One that not both of two releases have. */
export interface Difference extends Trait {
  readonly change: 'gained' | 'lost';
  /** The first release that is like the newer one of the two. */
  readonly at: Point;
}

/**
 * Rows of which the last one whose span holds a release is its own: each gets the end that the next
 * one is for it.
 */
export function closeSpans<Row extends { readonly releases: ReleaseSpan }>(
  rows: readonly Row[],
): Row[] {
  return rows.map((row, index) => {
    const next = rows[index + 1];
    return next ? { ...row, releases: { ...row.releases, until: next.releases.since } } : row;
  });
}

export function traitsOf(release: Release, traits: readonly Trait[]): Trait[] {
  return traits.filter(({ releases }) => isIn(release, releases));
}

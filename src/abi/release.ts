/**
 * Which Linux releases there are, and spans of them.
 *
 * A release is a profile of the one engine. Spans may name releases that have no profile (an
 * attribute that came with 4.12 and went with 5.1), so a point in history is any `major.minor`.
 */

/** The releases that a machine can be. */
export const RELEASES = ['4.15', '6.1', '6.12', '6.14'] as const;
export type Release = (typeof RELEASES)[number];

/** A release in history, whether a machine can be one or not. */
export type Point = `${number}.${number}`;

/** From `since` up to, but not including, `until`. */
export interface ReleaseSpan {
  readonly since: Point;
  readonly until?: Point;
}

export function since(point: Point): ReleaseSpan {
  return { since: point };
}

/** From `first` on, until `gone`, the first release without it. */
export function between(first: Point, gone: Point): ReleaseSpan {
  return { since: first, until: gone };
}

export function isIn(release: Release, span: ReleaseSpan): boolean {
  return (
    compare(release, span.since) >= 0 &&
    (span.until === undefined || compare(release, span.until) < 0)
  );
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. */
export function compare(a: Point, b: Point): number {
  return numberOf(a) - numberOf(b);
}

/** More than any minor number there will be. */
const MINORS = 1000;

function numberOf(point: Point): number {
  const dot = point.indexOf('.');
  return Number(point.slice(0, dot)) * MINORS + Number(point.slice(dot + 1));
}

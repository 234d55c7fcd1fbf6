/** How two releases differ. */
import { compare, type Point, type Release, type ReleaseSpan } from '../abi/release.ts';
import { type Difference, KINDS, type Trait, traitsOf } from './trait.ts';
import { allTraits } from './traits.ts';

/** What is different in `to`, as somebody sees it who comes from `from`: kind by kind, the oldest first. */
export function differencesBetween(from: Release, to: Release): Difference[] {
  const before = traitsOf(from, allTraits);
  const after = traitsOf(to, allTraits);
  const newer = compare(from, to) > 0 ? from : to;
  const lost = without(before, after).map(
    (trait): Difference => ({ ...trait, change: 'lost', at: turnOf(trait.releases, newer) }),
  );
  const gained = without(after, before).map(
    (trait): Difference => ({ ...trait, change: 'gained', at: turnOf(trait.releases, newer) }),
  );
  return [...lost, ...gained]
    .map((difference) => withoutDetails(difference, [...lost, ...gained]))
    .sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || compare(a.at, b.at));
}

function without(traits: readonly Trait[], others: readonly Trait[]): Trait[] {
  return traits.filter(({ what }) => !others.some((other) => other.what === what));
}

/** Where a span that only one of two releases is in begins or ends between them. */
function turnOf(span: ReleaseSpan, newer: Release): Point {
  const isOver = span.until !== undefined && compare(newer, span.until) >= 0;
  return isOver ? span.until : span.since;
}

/** Those that what came in its place has, too, are no differences. */
function withoutDetails(difference: Difference, all: readonly Difference[]): Difference {
  const { kind, change, details } = difference;
  if (!details) return difference;
  const others = all.filter((other) => other.kind === kind && other.change !== change);
  const known = new Set(others.flatMap((other) => other.details ?? []));
  return { ...difference, details: details.filter((detail) => !known.has(detail)) };
}

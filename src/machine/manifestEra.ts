/** Words of a manifest that not every release knows. */
import { between, isIn, type Release, type ReleaseSpan, since } from '../abi/release.ts';
import type { Finding } from './document.ts';
import type { Path } from './machineError.ts';
import type { PatchManifest } from './manifestSchema.ts';

interface Word {
  readonly name: string;
  readonly releases: ReleaseSpan;
  /** Where it asks for something. */
  readonly uses: (manifest: PatchManifest) => Iterable<Path>;
}

/** Source: include/linux/livepatch.h of each release. */
export const WORDS: readonly Word[] = [
  { name: 'immediate', releases: between('4.12', '4.16'), uses: usesOfImmediate },
  {
    name: 'replace',
    releases: since('5.1'),
    uses: ({ replace }) => (replace ? [['replace']] : []),
  },
  {
    name: 'states',
    releases: since('5.5'),
    uses: ({ states = [] }) => (states.length > 0 ? [['states']] : []),
  },
];

/** What a machine of this release cannot do. */
export function* findAnachronisms(manifest: PatchManifest, release: Release): Generator<Finding> {
  for (const { name, releases, uses } of WORDS) {
    if (isIn(release, releases)) continue;
    const message = `Linux ${release} has no '${name}': ${describe(releases)}`;
    for (const path of uses(manifest)) yield { path, message, atKey: true };
  }
}

function describe({ since: first, until }: ReleaseSpan): string {
  return until === undefined
    ? `it came with ${first}`
    : `it came with ${first} and went with ${until}`;
}

function* usesOfImmediate({ immediate, objects }: PatchManifest): Generator<Path> {
  if (immediate) yield ['immediate'];
  for (const [index, { funcs = [] }] of objects.entries()) {
    for (const [place, func] of funcs.entries()) {
      if (func.immediate) yield ['objects', index, 'funcs', place, 'immediate'];
    }
  }
}

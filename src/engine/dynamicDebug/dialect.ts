/** What releases disagree about in the language of the control file. */
import { isIn, type Release, type ReleaseSpan, since } from '../../abi/release.ts';

export interface Dialect {
  readonly releases: ReleaseSpan;
  /** A line of the log; `where` is the function that prints it. */
  readonly complaint: (where: string, text: string) => string;
  /** `rest` begins with the letter that no flag has. */
  readonly unknownFlag: (rest: string) => string;
  /** `file F:LINES` and `file F:FUNCTION`. */
  readonly filesHaveTails: boolean;
  /** `format ^TEXT`: only at the beginning. */
  readonly formatsHaveAnchors: boolean;
  readonly keywords: readonly string[];
  /** How the end of a line is shown in a format. */
  readonly newline: string;
}

/** The last row whose span holds a release is its own. Source: lib/dynamic_debug.c of both. */
export const DIALECTS: readonly Dialect[] = [
  {
    releases: since('4.0'),
    complaint: (where, text) => `dynamic_debug:${where}: ${text}`,
    unknownFlag: (rest) => `unknown flag '${rest[0]}' in "${rest}"`,
    filesHaveTails: false,
    formatsHaveAnchors: false,
    keywords: ['func', 'file', 'module', 'format', 'line'],
    newline: '\\012',
  },
  {
    releases: since('6.1'),
    complaint: (_where, text) => `dyndbg: ${text}`,
    unknownFlag: (rest) => `unknown flag '${rest[0]}'`,
    filesHaveTails: true,
    formatsHaveAnchors: true,
    keywords: ['func', 'file', 'module', 'format', 'line', 'class'],
    newline: '\\n',
  },
];

export function dialectOf(release: Release): Dialect {
  const dialect = DIALECTS.findLast(({ releases }) => isIn(release, releases));
  if (!dialect) throw new Error(`klpfs bug: no dialect of dynamic debug for ${release}`);
  return dialect;
}

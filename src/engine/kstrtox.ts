/** Numbers as user space writes them. Source: lib/kstrtox.c. */
import { KernelError } from '../abi/errno.ts';
import { isIn, type Release, type ReleaseSpan, since } from '../abi/release.ts';

/** Which beginnings mean which value. Nothing after them is looked at; blanks are not skipped. */
export const BOOLEANS: readonly { pattern: RegExp; value: boolean; releases: ReleaseSpan }[] = [
  { pattern: /^[yY1]/, value: true, releases: since('4.12') },
  { pattern: /^[nN0]/, value: false, releases: since('4.12') },
  { pattern: /^[oO][nN]/, value: true, releases: since('4.6') },
  { pattern: /^[oO][fF]/, value: false, releases: since('4.6') },
  { pattern: /^[tT]/, value: true, releases: since('5.19') },
  { pattern: /^[fF]/, value: false, releases: since('5.19') },
];

/**
 * @throws KernelError EINVAL for anything that no row begins.
 * Source: kstrtobool().
 */
export function parseBool(text: string, release: Release): boolean {
  const row = BOOLEANS.find(
    ({ pattern, releases }) => isIn(release, releases) && pattern.test(text),
  );
  if (!row) throw new KernelError('EINVAL', `${JSON.stringify(text.slice(0, 20))} is no boolean`);
  return row.value;
}

/**
 * A signed integer in base 8 (0...), 16 (0x...) or 10, with at most one newline behind it.
 *
 * @throws KernelError EINVAL if there is anything else.
 * Source: kstrtoll() with base 0.
 */
export function parseInteger(text: string): number {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\n?$/.exec(text);
  const digits = match?.[2];
  if (!match || digits === undefined) {
    throw new KernelError('EINVAL', `${JSON.stringify(text.slice(0, 20))} is no integer`);
  }
  const isOctal = /^0[0-7]+$/.test(digits);
  const magnitude = isOctal ? Number.parseInt(digits, 8) : Number(digits);
  return match[1] === '-' ? -magnitude : magnitude;
}

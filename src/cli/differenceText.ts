/** What two releases differ in, as lines for people. */
import type { Release } from '../abi/release.ts';
import { type Difference, KINDS, type Kind } from '../releases/trait.ts';

const SIGN = { gained: '+', lost: '-' } as const;
const PLURAL: Readonly<Record<Kind, string>> = {
  attribute: 'attributes',
  file: 'files',
  rule: 'rules',
  word: 'words that can be written',
  wording: 'wording',
  'debug line': 'debug lines',
  symbol: 'symbols',
  kthread: 'kthreads',
  module: 'modules',
};
const AT_WIDTH = 4;
const KIND_WIDTH = Math.max(...KINDS.map((kind) => kind.length));

/** A line each, with its kind. */
export function listDifferences(differences: readonly Difference[]): string {
  return differences
    .map(({ change, at, kind, what }) => {
      const columns = [at.padEnd(AT_WIDTH), kind.padEnd(KIND_WIDTH), what];
      return `${SIGN[change]} ${columns.join('  ')}\n`;
    })
    .join('');
}

/** As a unified diff would begin; kind by kind, with all details. */
export function describeDifferences(
  from: Release,
  to: Release,
  differences: readonly Difference[],
): string {
  if (differences.length === 0) return '';
  const sections = KINDS.map((kind) => ({
    kind,
    own: differences.filter((difference) => difference.kind === kind),
  })).filter(({ own }) => own.length > 0);
  const texts = sections.map(
    ({ kind, own }) => `\n${PLURAL[kind]}\n${own.map(describeDifference).join('')}`,
  );
  return `--- ${from}\n+++ ${to}\n${texts.join('')}`;
}

function describeDifference({ change, at, what, details = [] }: Difference): string {
  const sign = SIGN[change];
  const lines = [
    `${at.padEnd(AT_WIDTH)}  ${what}`,
    ...details.map((detail) => `        ${detail}`),
  ];
  return lines.map((line) => `${sign} ${line}\n`).join('');
}

/** docs/differences.md and the differences that tests find are the same. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DIFFERENCES } from './differences.ts';
import { PROVED_ELSEWHERE, TRIED } from './tried.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/differences.md');

/** The keys of the tables: the first column, as code. Other columns may hold code, too. */
function documentedKeys(): string[] {
  const rows = readFileSync(DOCUMENT, 'utf8').matchAll(/^\| `([a-z-]+)` +\|/gm);
  return [...rows].map(([, key = '']) => key);
}

test('what tests find is in docs/differences.md, and the other way round', () => {
  const found = new Set([
    ...PROVED_ELSEWHERE.keys(),
    ...[...DIFFERENCES, ...TRIED].map(({ key }) => key),
  ]);
  expect(documentedKeys().sort()).toEqual([...found].sort());
});

test('the tests that prove differences elsewhere are there', () => {
  const files = [...PROVED_ELSEWHERE.values()];
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

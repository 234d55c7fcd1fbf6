/** What the documents show works: their YAML is read by the machine, their sessions by a shell. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { matches, parseSessions } from '../scripts/session.ts';
import { readMachine } from '../src/daemon/readMachine.ts';
import { parseManifest } from '../src/machine/manifest.ts';

const read = (path: string) => readFileSync(resolve(import.meta.dirname, '..', path), 'utf8');

function blocks(markdown: string, kind: string): string[] {
  const fences = markdown.matchAll(new RegExp(`^\`\`\`yaml ${kind}\n(.*?)^\`\`\``, 'gms'));
  return [...fences].map((match) => match[1] ?? '');
}

test('the machine that docs/machine.md shows is valid, and holds what it says', () => {
  const [text = ''] = blocks(read('docs/machine.md'), 'machine');
  const machine = readMachine(text, 'docs/machine.md', {});
  expect(machine.tasks.map(({ comm }) => comm)).toEqual(['reader', 'worker', 'server', 'helper/0']);
});

test('the manifest that docs/machine.md shows is valid', () => {
  const [text = ''] = blocks(read('docs/machine.md'), 'manifest');
  const { name, patch } = parseManifest(text, 'docs/machine.md', '4.15');
  expect([name, patch?.objects.length]).toEqual(['livepatch_nfs_fix', 2]);
});

test('examples are valid', () => {
  expect(readMachine(read('examples/reader.yaml'), 'reader.yaml', {}).tasks).toHaveLength(1);
});

test('the README has sessions: every command in it is played by scripts/test', () => {
  const exchanges = parseSessions(read('README.md'));
  expect(exchanges.filter(({ begins }) => begins).length).toBeGreaterThanOrEqual(2);
  expect(exchanges.length).toBeGreaterThan(20);
});

// biome-ignore format: the columns are the point
test.each<[expected: string[], actual: string[], same: boolean]>([
  [[],                  [],                   true ],
  [[],                  ['more'],             false],
  [['a'],               ['a'],                true ],
  [['a'],               ['ab'],               false],
  [['a[..]c'],          ['abbc'],             true ],
  [['[..] (x)'],        ['what (x)'],         true ],
  [['[..] (x)'],        ['what x'],           false],
  [['a', '...', 'z'],   ['a', 'b', 'c', 'z'], true ],
  [['a', '...', 'z'],   ['a', 'z'],           true ],
  [['a', '...', 'z'],   ['a', 'b'],           false],
  [['...'],             [],                   true ],
  [['...', 'z'],        ['z', 'a'],           false],
])('a session that shows %j and answers %j: %s', (expected, actual, same) => {
  expect(matches(expected, actual)).toBe(same);
});

/** The arrows between rooms, and what the pure rooms may not touch. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** Who may import whom; every room may import itself. A package is named by its name. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'src/abi': [],
  'src/engine': ['src/abi'],
  'src/modules': ['src/abi', 'src/engine'],
  'src/machine': ['src/abi', 'src/engine', 'yaml', 'zod'],
  'src/sysfs': ['src/abi', 'src/engine'],
  'src/releases': ['src/abi', 'src/engine', 'src/modules', 'src/machine', 'src/sysfs'],
  'src/tools': ['src/abi', 'src/engine'],
  'mount/wire': ['src/abi'],
  'mount/devfuse': ['src/abi', 'src/sysfs', 'mount', 'mount/wire', 'node:'],
  'mount/fuseNative': ['src/abi', 'src/sysfs', 'mount', 'fuse-native', 'node:'],
  mount: ['src/abi', 'src/sysfs', 'mount/devfuse', 'mount/fuseNative', 'node:'],
  'src/daemon': [
    'src/abi',
    'src/engine',
    'src/modules',
    'src/machine',
    'src/sysfs',
    'src/tools',
    'mount',
    'pino',
    'node:',
  ],
  'src/cli': [
    'src/abi',
    'src/daemon',
    'src/machine',
    'src/releases',
    'src/tools',
    'mount',
    'commander',
    'diff',
    'pino',
    'node:',
  ],
};
const PURE = [
  ...['src/abi', 'src/engine', 'src/modules', 'src/machine', 'src/sysfs', 'src/releases'],
  'src/tools',
];
/** Time and chance come as arguments. */
const IMPURE =
  /\b(Date\b|Math\.random|performance\.|crypto\.|process\.|Buffer\b|setTimeout|setImmediate)/;

function sourcesIn(room: string): string[] {
  return readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(room, name))
    .filter((path) => roomOf(path) === room);
}

/** The innermost one. */
function roomOf(path: string): string | undefined {
  return Object.keys(ARROWS)
    .filter((room) => path === room || path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

function target(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return relative(ROOT, resolve(ROOT, dirname(file), specifier));
}

function isAllowed(room: string, imported: string): boolean {
  const other = roomOf(imported);
  if (other === room) return true;
  return (ARROWS[room] ?? []).some((allowed) =>
    allowed === 'node:' ? imported.startsWith('node:') : (other ?? imported) === allowed,
  );
}

test.each(Object.keys(ARROWS))('%s imports only what its arrows allow', (room) => {
  const files = sourcesIn(room);
  expect(files).not.toEqual([]);
  const forbidden = files.flatMap((file) =>
    importsOf(file)
      .map((specifier) => target(file, specifier))
      .filter((imported) => !isAllowed(room, imported))
      .map((imported) => `${file} -> ${imported}`),
  );
  expect(forbidden).toEqual([]);
});

test.each(PURE)('%s knows neither time nor chance nor platform', (room) => {
  const impure = sourcesIn(room).flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .filter((line) => IMPURE.test(line.replace(/\/\/.*|^\s*\/?\*.*/, '').replace(/'[^']*'/g, '')))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(impure).toEqual([]);
});

test('no file needs a table of contents', () => {
  const long = Object.keys(ARROWS)
    .flatMap(sourcesIn)
    .map((file) => ({ file, lines: readFileSync(join(ROOT, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 400);
  expect(long).toEqual([]);
});

/** What is loaded before a command begins: few files, and none that only a machine needs. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const DIST = resolve(import.meta.dirname, '../../dist');
const MAIN = resolve(DIST, 'src/cli/main.js');
const ALWAYS = ['src/chunks/rolldown-runtime.js', 'src/chunks/start.js', 'src/cli/main.js'];

/** Node's own hook for whatever it loads: a line on stderr for each. */
const HOOK = `
  import { writeSync } from 'node:fs';
  export function load(url, context, next) {
    writeSync(2, url + '\\n');
    return next(url, context);
  }`;
const REGISTER = `
  import { register } from 'node:module';
  register(${JSON.stringify(moduleOf(HOOK))});`;

function moduleOf(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

async function filesLoadedBy(words: string): Promise<string[]> {
  const { stderr } = await promisify(execFile)(process.execPath, [
    ...['--import', moduleOf(REGISTER), MAIN, ...words.split(' ')],
  ]);
  return stderr
    .split('\n')
    .filter((url) => url.startsWith('file:'))
    .map((url) => relative(DIST, fileURLToPath(url)))
    .sort();
}

test.each([
  '--help',
  '--version',
  'mount --help',
  'run --help',
  'dmesg --help',
  'machine show --help',
  'diff-releases --help',
])('klpfs %s loads what every command does', async (words) => {
  expect(await filesLoadedBy(words)).toEqual(ALWAYS);
});

test('a command that needs more loads it by itself', async () => {
  expect(await filesLoadedBy('releases')).toEqual(
    [...ALWAYS, 'src/chunks/differences.js', 'src/chunks/machine.js'].sort(),
  );
});

test('the start has neither the emulated kernel in it nor what reads descriptions', async () => {
  const text = await readFile(resolve(DIST, 'src/chunks/start.js'), 'utf8');
  const sources = [...text.matchAll(/^\/\/ (\S+\.[jt]s)$/gm)].map(([, source = '']) => source);
  expect(sources).toContain('src/cli/program.ts');
  expect(
    sources.filter((source) =>
      /^src\/(engine|sysfs|modules|daemon)\/|\/(diff|pino|yaml|zod)\//.test(source),
    ),
  ).toEqual([]);
});

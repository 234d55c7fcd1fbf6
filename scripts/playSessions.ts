/**
 * Plays the sessions of Markdown files in a real bash, prints them, and fails at the first answer
 * that is not the one shown: playSessions [--quiet] [--with=LABEL] FILE...
 *
 * A block that begins with `console LABEL` is played only if it is asked for.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Exchange, matches, parseSessions } from './session.ts';

const CLI = resolve(import.meta.dirname, '../src/cli/main.js');
const PROJECT = resolve(import.meta.dirname, '../..');
const COMMAND_LIMIT_MS = 300_000;
/** What was downloaded once is not downloaded again. */
const CACHE = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');

/** A bash with a home of its own in which `klpfs` is the one that was just built. */
class Shell {
  readonly home = mkdtempSync(join(tmpdir(), 'klpfs-session-'));
  readonly #bash;
  readonly #lines;

  constructor() {
    symlinkSync(CLI, join(this.home, 'klpfs'));
    this.#bash = spawn('bash', ['--noprofile', '--norc'], {
      cwd: PROJECT,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        HOME: this.home,
        XDG_CACHE_HOME: CACHE,
        PATH: `${this.home}:${process.env['PATH']}`,
        LC_ALL: 'C',
        NO_COLOR: '1',
      },
    });
    this.#bash.stdin.write('exec 2>&1\n');
    this.#lines = createInterface({ input: this.#bash.stdout })[Symbol.asyncIterator]();
  }

  /** What the command prints, line by line. */
  async run(command: string): Promise<string[]> {
    const marker = `end of ${Math.random()}`;
    this.#bash.stdin.write(`${command}\nprintf '\\n%s\\n' '${marker}'\n`);
    const timer = setTimeout(() => this.#bash.kill('SIGKILL'), COMMAND_LIMIT_MS);
    const output: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the shell ended in: ${command}`);
      if (value === marker) break;
      output.push(value.replace(/^bash: line \d+: /, 'bash: ').replaceAll(this.home, '~'));
    }
    clearTimeout(timer);
    if (output.at(-1) === '') output.pop();
    return output;
  }

  /** Ends the shell, and whatever machine it left mounted in its home. */
  async close(): Promise<void> {
    await this.run(
      'cd /; for m in $(findmnt -rn -t fuse.klpfs -o TARGET); do case $m in "$HOME"/*) klpfs umount -l "$m";; esac; done',
    ).catch(() => []);
    this.#bash.stdin.end();
    rmSync(this.home, { recursive: true, force: true });
  }
}

async function play(shell: Shell, exchange: Exchange, print: (text: string) => void) {
  if (exchange.begins) await shell.run(`cd '${PROJECT}'`);
  print(`$ ${exchange.command.replaceAll('\n', '\n> ')}`);
  const actual = await shell.run(exchange.command);
  for (const line of actual) print(line);
  return matches(exchange.expected, actual) ? undefined : actual;
}

async function main(): Promise<number> {
  const quiet = process.argv.includes('--quiet');
  const labels = process.argv.flatMap((argument) => /^--with=(.*)/.exec(argument)?.slice(1) ?? []);
  const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const print = (text: string) => {
    if (!quiet) process.stdout.write(`${text}\n`);
  };
  let played = 0;
  for (const file of files) {
    const shell = new Shell();
    try {
      for (const exchange of parseSessions(readFileSync(file, 'utf8'), labels)) {
        const deviation = await play(shell, exchange, print);
        played += 1;
        if (!deviation) continue;
        process.stderr.write(
          `${file}:${exchange.line}: $ ${exchange.command}\n--- shown\n${exchange.expected.join('\n')}\n+++ answered\n${deviation.join('\n')}\n`,
        );
        return 1;
      }
    } finally {
      await shell.close();
    }
  }
  if (played === 0) throw new Error('no session found');
  process.stdout.write(`${played} commands answered as shown\n`);
  return 0;
}

process.exitCode = await main();

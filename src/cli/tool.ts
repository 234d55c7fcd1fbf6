/** Programs of the machine: control/tool runs them, and the commands of the same names pass on what they print. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { errnoOf } from './commandError.ts';
import { ReportedFailure } from './failure.ts';
import { addMachineOption, FileError, type Machine, onMachine } from './machineFiles.ts';
import { print, printError } from './output.ts';

/** The second one is for who may not have modules loaded. */
const PATHS = ['control/tool', 'control/tool_user'];
const POLL_MIN_MS = 1;
const POLL_MAX_MS = 100;
const READ_BYTES = 64 * 1024;

/** What becomes of a line on stderr. */
export type Reword = (line: string) => string;

/** A command whose arguments are those of the program; `--mount`, `--json` and `--help` are ours. */
export function addToolCommand(program: Command, name: string): Command {
  return addMachineOption(program.command(name))
    .argument('[argument...]')
    .usage('[options] [argument...]')
    .allowUnknownOption();
}

/** Ends the command with the exit code of a program that has said why; lines may be added below. */
export function requireSuccess(exitCode: number, details: readonly string[] = []): void {
  if (exitCode === 0) return;
  const text = details.map((line) => `  ${line}\n`).join('');
  throw new ReportedFailure({ text, exitCode });
}

/**
 * Runs a program, prints what it prints when it does, and answers its exit code. `words` are those of
 * env(1): variables, the program's name, its arguments.
 */
export async function runTool(
  machine: Machine,
  words: readonly string[],
  reword: Reword = (line) => line,
): Promise<number> {
  const { path, fd } = openTool(machine);
  try {
    const request = Buffer.from(words.map((word) => `${word}\0`).join(''));
    onMachine(machine, path, () => writeSync(fd, request));
    let rest = '';
    for (;;) {
      const chunk = await readNext(machine, path, fd);
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('=')) return Number(line.slice(1));
        printLine(line, reword);
      }
      if (chunk === '') throw new Error(`klpfs bug: no exit code of ${words.join(' ')}`);
    }
  } finally {
    onMachine(machine, path, () => closeSync(fd));
  }
}

function openTool(machine: Machine): { path: string; fd: number } {
  const [own = '', everybodys = ''] = PATHS;
  try {
    return { path: own, fd: open(machine, own) };
  } catch (error) {
    if (!(error instanceof FileError) || error.errno !== 'EACCES') throw error;
    return { path: everybodys, fd: open(machine, everybodys) };
  }
}

function open(machine: Machine, path: string): number {
  const flags = constants.O_RDWR | constants.O_NONBLOCK;
  return onMachine(machine, path, () => openSync(join(machine.directory, path), flags));
}

/** Waits by looking: a read that blocks would not end with Ctrl-C. */
async function readNext(machine: Machine, path: string, fd: number): Promise<string> {
  const buffer = Buffer.alloc(READ_BYTES);
  for (let pauseMs = POLL_MIN_MS; ; pauseMs = Math.min(2 * pauseMs, POLL_MAX_MS)) {
    const sizeBytes = onMachine(machine, path, () => readIfReady(fd, buffer));
    if (sizeBytes !== undefined) return buffer.toString('utf8', 0, sizeBytes);
    await setTimeout(pauseMs);
  }
}

function readIfReady(fd: number, buffer: Buffer): number | undefined {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

/** Source: src/daemon/toolFiles.ts. */
function printLine(line: string, reword: Reword): void {
  const text = line.slice(1);
  if (line.startsWith('2')) printError(`${reword(text)}\n`);
  else print(`${text}${line.startsWith('0') ? '\0' : '\n'}`);
}

/**
 * Plays what somebody types at a machine, and compares what it answers: `$ command`, then the lines
 * that it prints. The commands are those of a shell in the mount, in short; times are virtual.
 */
import { expect } from 'vitest';
import type { Machine } from './machine.ts';

type Command = (machine: Machine, words: readonly string[]) => string;

const VERBS = ['rmmod', 'wake', 'kill', 'exit', 'fork', 'call', 'irq', 'cpu'];

const COMMANDS: Readonly<Record<string, Command>> = {
  /** `echo 1 > p/enabled`: prints the errno if it fails, as do the verbs. */
  echo: (machine, [value = '', , path = '']) => silentIfOk(machine.echo(value, path)),
  cat: (machine, paths) => paths.map((path) => machine.cat(path)).join('\n'),
  ls: (machine, [path = '']) => machine.ls(path).sort().join(' '),
  insmod: (machine, words) => silentIfOk(machine.insmod(...words)),
  ...Object.fromEntries(VERBS.map((verb) => [verb, control(verb)])),
  /** Moves the clock: `sleep 2` seconds, or `sleep 0.004`. */
  sleep: (machine, [seconds = '']) => {
    machine.advance(Number(seconds) * 1000);
    return '';
  },
  /** The lines about modules and their taints are left out. */
  dmesg: (machine) =>
    machine
      .dmesg()
      .filter((line) => !/^\w+: (loading|tainting|module verification)/.test(line))
      .map((line) => line.replace(/^livepatch: /, ''))
      .join('\n'),
  /** What ftrace redirects, without the addresses. */
  enabled_functions: (machine) =>
    machine.cat('sys/kernel/tracing/enabled_functions').replaceAll(/ *\t.*/g, ''),
  /** `reader=0 ...`: the patch state of every task but kworkers, a thread as `comm/tid`. */
  states: (machine) => tasksOf(machine).map(stateOf).join(' '),
  /** Who is behind, and why. */
  why: (machine) => {
    const transition = JSON.parse(machine.cat('control/transition'));
    return (transition?.behind ?? [])
      .filter(({ comm }: Row) => !comm.startsWith('kworker'))
      .map((row: Row) => `${row.comm} ${row.holdup} ${row.function ?? ''}`.trimEnd())
      .join('\n');
  },
  /** `reader f`: the innermost function that a task is in. */
  wchan: (machine, [comm = '']) =>
    tasksOf(machine)
      .filter((row) => row.comm === comm)
      .map(({ stack }) => stack[0] ?? '-')
      .join(' '),
};

interface Row {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  readonly kind: string;
  readonly patch_state: number;
  readonly stack: readonly string[];
  readonly holdup: string;
  readonly function: string | null;
}

function tasksOf(machine: Machine): Row[] {
  const rows: Row[] = JSON.parse(machine.cat('control/tasks'));
  return rows.filter(({ comm }) => !comm.startsWith('kworker'));
}

function stateOf({ pid, tgid, comm, patch_state: state }: Row): string {
  return `${pid === tgid ? comm : `${comm}/${pid}`}=${state}`;
}

function control(verb: string): Command {
  return (machine, words) => silentIfOk(machine.write(words.join(' '), `control/${verb}`));
}

function silentIfOk(answer: string): string {
  return answer === 'ok' ? '' : answer;
}

/** Fails where the machine answers something else, showing the whole transcript with its answers. */
export function playTranscript(machine: Machine, transcript: string): void {
  const lines = transcript
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const played: string[] = [];
  for (const line of lines) {
    if (!line.startsWith('$ ')) continue;
    const [name = '', ...words] = line.slice(2).split(/\s+/);
    const command = COMMANDS[name];
    if (!command) throw new Error(`a transcript knows no ${name}`);
    played.push(line, ...command(machine, words).split('\n').filter(Boolean));
  }
  expect(played).toEqual(lines);
}

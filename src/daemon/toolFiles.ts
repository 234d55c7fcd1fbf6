/**
 * control/tool and control/tool_user: command lines of the machine's programs, for a shell that has no
 * time to start another.
 *
 * The answer has a line for each line that the program prints: `1` for stdout or `2` for stderr, and the
 * text; `0` is a text on stdout that ends with a NUL instead of a newline. The last line is `=` and
 * the exit code.
 */
import type { Kernel } from '../engine/kernel.ts';
import { type Context, settle } from '../engine/sched/context.ts';
import type { Pipe, Transaction } from '../sysfs/transactionFile.ts';
import { type Command, parseCommand, runCommand } from '../tools/tools.ts';

/** Everybody may ask; who may not write to the first file may not load modules, either. */
export const toolFiles: readonly Transaction[] = [
  toolFile('tool', 0o600, true),
  toolFile('tool_user', 0o666, false),
];

function toolFile(name: string, mode: number, privileged: boolean): Transaction {
  return {
    name,
    mode,
    accept: (kernel, request) => {
      const command = parseCommand(request);
      return { name: command.name, work: (pipe) => run(kernel, command, privileged, pipe) };
    },
  };
}

function* run(
  kernel: Kernel,
  command: Command,
  privileged: boolean,
  { send, drained }: Pipe,
): Context<string> {
  const output = {
    stdout: (text: string) => send(encodeLines('1', text)),
    stderr: (text: string) => send(encodeLines('2', text)),
    drained,
  };
  const code = yield* settle(runCommand(kernel, command, privileged, output));
  return `=${code}\n`;
}

/** A text of whole lines. */
export function encodeLines(stream: '1' | '2', text: string): string {
  return text.replace(/([^\n\0]*)([\n\0])/g, (_, line: string, end: string) => {
    return `${end === '\0' ? '0' : stream}${line}\n`;
  });
}

/** The programs that a machine has, and how a request names one. */
import { decodeUtf8 } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { Answer } from '../engine/sched/context.ts';
import { dmesg } from './dmesg.ts';
import { insmod } from './insmod.ts';
import { lsmod } from './lsmod.ts';
import { modinfo } from './modinfo.ts';
import { modprobe } from './modprobe.ts';
import { rmmod } from './rmmod.ts';
import type { Output, Tool } from './tool.ts';
import { uname } from './uname.ts';

export const TOOLS: ReadonlyMap<string, Tool> = new Map(
  Object.entries({ dmesg, insmod, lsmod, modinfo, modprobe, rmmod, uname }),
);

/** A command line: words as env(1) takes them, `[NAME=VALUE...] PROGRAM [ARGUMENT...]`. */
export interface Command {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
}

/**
 * Reads a command line whose words end with a NUL each.
 *
 * @throws KernelError EINVAL for what is none; ENOENT for a program that there is not.
 */
export function parseCommand(request: Uint8Array): Command {
  const text = decodeUtf8(request);
  if (!text.endsWith('\0')) throw new KernelError('EINVAL', 'every word ends with a NUL');
  const words = text.slice(0, -1).split('\0');
  const first = words.findIndex((word) => !word.includes('='));
  const [name = '', ...args] = first < 0 ? [] : words.slice(first);
  if (!TOOLS.has(name)) throw new KernelError('ENOENT', `there is no program '${name}'`);
  const variables = words.slice(0, first).map((word): [string, string] => {
    const equals = word.indexOf('=');
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
  return { name, args, environment: new Map(variables) };
}

/** Runs a command; answers its exit code. */
export function runCommand(
  kernel: Kernel,
  { name, args, environment }: Command,
  privileged: boolean,
  output: Output,
): Answer<number> {
  const tool = TOOLS.get(name);
  if (!tool) throw new Error(`klpfs bug: no program ${name}`);
  return tool({ kernel, privileged, name, args, environment, output });
}

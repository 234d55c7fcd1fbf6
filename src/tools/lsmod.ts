/** lsmod(8). Source: kmod 30, tools/lsmod.c. */
import { ERRNO } from '../abi/errno.ts';
import type { Module } from '../engine/module/model.ts';
import { holdersOf } from './kmod.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

export function lsmod({ kernel, name, args, output }: Run): number {
  if (args.length > 0) {
    output.stderr(`Usage: ${name}\n`);
    return EXIT_FAILURE;
  }
  const modules = [...kernel.modules.loaded.values()].reverse();
  output.stdout('Module                  Size  Used by\n');
  for (const module of modules) output.stdout(formatModule(module));
  return EXIT_SUCCESS;
}

/** What it does not find in /sys/module of one that is just coming is -ENOENT. */
function formatModule(module: Module): string {
  const { name, kobject } = module;
  const size = kobject ? module.sizeBytes : -ERRNO.ENOENT.number;
  const references = kobject ? module.references : -ERRNO.ENOENT.number;
  const holders = holdersOf(module);
  const users = holders.length > 0 ? ` ${holders.join(',')}` : '';
  return `${name.padEnd(19)} ${String(size).padStart(8)}  ${references}${users}\n`;
}

/** The whole tree, as it is mounted. */
import type { Kernel } from '../engine/kernel.ts';
import { kernelVerbs } from './control.ts';
import { controlFile, type Verb } from './controlFile.ts';
import { fixedDirectory, joinDirectories } from './directory.ts';
import { debugDirectory } from './dynamicDebug.ts';
import { DEBUGFS, PROCFS, sysfsOf } from './fileSystems.ts';
import { createTree, ROOT } from './inode.ts';
import { kmsgFile } from './kmsg.ts';
import { kobjectDirectory } from './kobjectDirectory.ts';
import type { Directory } from './node.ts';
import { procDirectory } from './proc.ts';
import { tracingDirectory } from './tracing.ts';

/** `verbs` are those that the kernel cannot carry out alone; `owner` is the machine's root. */
export function mountedTree(kernel: Kernel, verbs: readonly Verb[], owner = ROOT): Directory {
  const tree = createTree(kernel, sysfsOf(kernel.config.release), owner);
  const tracing = tracingDirectory(tree);
  return fixedDirectory(tree, 0o755, {
    control: fixedDirectory(
      tree,
      0o755,
      Object.fromEntries(
        [...kernelVerbs, ...verbs].map((verb) => [verb.name, controlFile(tree, verb)]),
      ),
    ),
    dev: fixedDirectory(tree, 0o755, { kmsg: kmsgFile(tree) }),
    proc: procDirectory({ ...tree, fileSystem: PROCFS }),
    sys: fixedDirectory(tree, 0o555, {
      kernel: joinDirectories(
        fixedDirectory(tree, 0o755, {
          debug: debugDirectory({ ...tree, fileSystem: DEBUGFS }, tracing),
          livepatch: kobjectDirectory(tree, kernel.livepatchDirectory),
          tracing,
        }),
        kobjectDirectory(tree, kernel.kernelDirectory),
      ),
      module: kobjectDirectory(tree, kernel.moduleDirectory),
    }),
  });
}

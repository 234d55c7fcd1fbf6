/** The whole tree, as it is mounted. */
import type { Kernel } from '../engine/kernel.ts';
import { kernelVerbs } from './control.ts';
import { controlFile, type Verb } from './controlFile.ts';
import { fixedDirectory, joinDirectories } from './directory.ts';
import { debugDirectory } from './dynamicDebug.ts';
import { DEBUGFS, PROCFS, sysfsOf } from './fileSystems.ts';
import { createTree, type Surroundings } from './inode.ts';
import { kmsgFile } from './kmsg.ts';
import { kobjectDirectory } from './kobjectDirectory.ts';
import { mergedProc } from './mergedProc.ts';
import type { Directory, File } from './node.ts';
import { procDirectory } from './proc.ts';
import { tracingDirectory } from './tracing.ts';
import { type Transaction, transactionFile } from './transactionFile.ts';

/** What control/ has beyond what the kernel can carry out alone. */
export interface Panel {
  readonly verbs: readonly Verb[];
  readonly transactions: readonly Transaction[];
}

/** The owner is the machine's root. */
export function mountedTree(
  kernel: Kernel,
  { verbs, transactions }: Panel,
  surroundings?: Surroundings,
): Directory {
  const tree = createTree(kernel, sysfsOf(kernel.config.release), surroundings);
  const proc = procDirectory({ ...tree, fileSystem: PROCFS });
  const tracing = tracingDirectory(tree);
  return fixedDirectory(tree, 0o755, {
    control: fixedDirectory(tree, 0o755, {
      ...named([...kernelVerbs, ...verbs], (verb) => controlFile(tree, verb)),
      ...named(transactions, (transaction) => transactionFile(tree, transaction)),
    }),
    dev: fixedDirectory(tree, 0o755, { kmsg: kmsgFile(tree) }),
    proc,
    run: fixedDirectory(tree, 0o755, { proc: mergedProc({ ...tree, fileSystem: PROCFS }, proc) }),
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

function named<T extends { readonly name: string }>(
  rows: readonly T[],
  toFile: (row: T) => File,
): Record<string, File> {
  return Object.fromEntries(rows.map((row) => [row.name, toFile(row)]));
}

/** The whole tree, as it is mounted. */
import type { Kernel } from '../engine/kernel.ts';
import { kernelVerbs } from './control.ts';
import { controlFile, type Verb } from './controlFile.ts';
import { fixedDirectory, joinDirectories } from './directory.ts';
import { debugDirectory } from './dynamicDebug.ts';
import { DEBUGFS, PROCFS, sysfsOf } from './fileSystems.ts';
import { createTree, type Surroundings, type Tree } from './inode.ts';
import { kmsgFile } from './kmsg.ts';
import { kobjectDirectory } from './kobjectDirectory.ts';
import { mergedProc } from './mergedProc.ts';
import type { Directory, File, TreeListener } from './node.ts';
import { announceChanges } from './notices.ts';
import { procDirectory } from './proc.ts';
import { tracingDirectory } from './tracing.ts';
import { type Transaction, transactionFile } from './transactionFile.ts';

/** What control/ has beyond what the kernel can carry out alone. */
export interface Panel {
  readonly verbs: readonly Verb[];
  readonly transactions: readonly Transaction[];
}

export interface MountedTree {
  readonly root: Directory;
  /** Whoever remembers what it has seen of the tree is one of these. */
  readonly listeners: TreeListener[];
}

/** The owner is the machine's root. */
export function mountedTree(
  kernel: Kernel,
  { verbs, transactions }: Panel,
  surroundings?: Surroundings,
): MountedTree {
  const tree = createTree(kernel, sysfsOf(kernel.config.release), surroundings);
  const proc = procDirectory({ ...tree, fileSystem: PROCFS });
  const root = fixedDirectory(tree, 0o755, {
    control: fixedDirectory(tree, 0o755, {
      ...named([...kernelVerbs, ...verbs], (verb) => controlFile(tree, verb)),
      ...named(transactions, (transaction) => transactionFile(tree, transaction)),
    }),
    dev: fixedDirectory(tree, 0o755, { kmsg: kmsgFile(tree) }),
    proc,
    run: fixedDirectory(tree, 0o755, { proc: mergedProc({ ...tree, fileSystem: PROCFS }, proc) }),
    sys: fixedDirectory(tree, 0o555, {
      kernel: kernelDirectory(tree),
      module: kobjectDirectory(tree, kernel.moduleDirectory),
    }),
  });
  return { root, listeners: tree.listeners };
}

/** /sys/kernel: what is always there, and what modules have made. */
function kernelDirectory(tree: Tree): Directory {
  const { kernel } = tree;
  const tracing = tracingDirectory(tree);
  const fixed = fixedDirectory(tree, 0o755, {
    debug: debugDirectory({ ...tree, fileSystem: DEBUGFS }, tracing),
    livepatch: kobjectDirectory(tree, kernel.livepatchDirectory),
    tracing,
  });
  announceChanges(tree, fixed.ino, kernel.kernelDirectory, () => []);
  return joinDirectories(fixed, kobjectDirectory(tree, kernel.kernelDirectory));
}

function named<T extends { readonly name: string }>(
  rows: readonly T[],
  toFile: (row: T) => File,
): Record<string, File> {
  return Object.fromEntries(rows.map((row) => [row.name, toFile(row)]));
}

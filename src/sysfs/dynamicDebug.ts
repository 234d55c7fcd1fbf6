/** dynamic_debug/control: in debugfs, and beside it in procfs where a release has it there. */
import { isIn, since } from '../abi/release.ts';
import { showControl, writeControl } from '../engine/dynamicDebug/control.ts';
import { fixedDirectory } from './directory.ts';
import type { Tree } from './inode.ts';
import { kprobesDirectory } from './kprobes.ts';
import type { Directory } from './node.ts';
import { procFile } from './procFile.ts';

const CONTROL_MODE = 0o644;

/** Source: lib/dynamic_debug.c:dynamic_debug_init_control(). */
export const IN_PROCFS = {
  name: 'dynamic_debug/control',
  mode: CONTROL_MODE,
  releases: since('5.7'),
} as const;

/** /sys/kernel/debug, as far as it is here; tracefs is in it, too. Source: fs/debugfs/inode.c. */
export function debugDirectory(tree: Tree, tracing: Directory): Directory {
  return fixedDirectory(tree, 0o700, {
    dynamic_debug: dynamicDebugDirectory(tree, 0o755),
    kprobes: kprobesDirectory(tree),
    tracing,
  });
}

/** What /proc has of it. */
export function procDynamicDebug(tree: Tree): Record<string, Directory> {
  if (!isIn(tree.kernel.config.release, IN_PROCFS.releases)) return {};
  return { dynamic_debug: dynamicDebugDirectory(tree, 0o555) };
}

function dynamicDebugDirectory(tree: Tree, permissions: number): Directory {
  const { kernel } = tree;
  return fixedDirectory(tree, permissions, {
    control: procFile(tree, {
      mode: CONTROL_MODE,
      show: () => showControl(kernel),
      store: (input) => writeControl(kernel, input),
    }),
  });
}

/**
 * /sys/kernel/debug/kprobes: which probes there are, and the switch for all of them.
 *
 * Source: kernel/kprobes.c:debugfs_kprobe_init().
 */
import { KernelError } from '../abi/errno.ts';
import { isIn, type Release, type ReleaseSpan, since } from '../abi/release.ts';
import { isGone, type KprobeSite, setKprobesEnabled } from '../engine/ftrace/kprobes.ts';
import { type Code, formatAddress } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { parseBool } from '../engine/kstrtox.ts';
import { formatPointer } from '../engine/pointer.ts';
import { fixedDirectory } from './directory.ts';
import type { Tree } from './inode.ts';
import type { Directory } from './node.ts';
import { tracefsFile } from './tracefsFile.ts';

/** How a release shows its list; the last row whose span holds the release is its own. */
interface ListStyle {
  readonly releases: ReleaseSpan;
  /** For people. */
  readonly what: string;
  readonly mode: number;
  readonly address: (kernel: Kernel, code: Code) => string;
  /** In the place of the name of a function that is gone. */
  readonly gone: (kernel: Kernel, code: Code) => string;
}

export const LIST_STYLES: readonly ListStyle[] = [
  {
    releases: since('4.0'),
    what: 'addresses are hashed',
    mode: 0o444,
    address: formatPointer,
    gone: formatPointer,
  },
  {
    // Source: commits f2a3ab3607a8, 81365a947de4, 4458515b2c52.
    releases: since('4.18'),
    what: 'addresses are as they are',
    mode: 0o400,
    address: (_kernel, { offset }) => formatAddress(offset),
    gone: (_kernel, { offset }) => `0x${formatAddress(offset)}`,
  },
];

export function kprobesDirectory(tree: Tree): Directory {
  const { kernel } = tree;
  const { release } = kernel.config;
  const style = lastFitting(LIST_STYLES, release);
  return fixedDirectory(tree, 0o755, {
    enabled: tracefsFile(tree, {
      mode: 0o600,
      show: () => (kernel.kprobes.allDisarmed ? '0\n' : '1\n'),
      store: (input) =>
        setKprobesEnabled(kernel, lastFitting(SWITCHES, release).parse(input, release)),
    }),
    list: tracefsFile(tree, { mode: style.mode, show: () => showList(kernel, style) }),
  });
}

/** What may be written to `enabled`. Source: write_enabled_file_bool(), commit 5d6de7d7fb4b (5.16). */
export const SWITCHES: readonly {
  readonly releases: ReleaseSpan;
  /** For people. */
  readonly what: string;
  readonly parse: (text: string, release: Release) => boolean;
}[] = [
  { releases: since('4.0'), what: 'what begins with [yY1] or [nN0]', parse: parseFirstLetter },
  { releases: since('5.16'), what: 'any flag', parse: parseBool },
];

function parseFirstLetter(text: string): boolean {
  if (/^[yY1]/.test(text)) return true;
  if (/^[nN0]/.test(text)) return false;
  throw new KernelError('EINVAL', 'neither on nor off');
}

function lastFitting<Row extends { readonly releases: ReleaseSpan }>(
  rows: readonly Row[],
  release: Release,
): Row {
  const row = rows.findLast(({ releases }) => isIn(release, releases));
  if (!row) throw new Error(`klpfs bug: nothing fits ${release}`);
  return row;
}

/** A line for each probe. Source: report_probe(). */
function showList(kernel: Kernel, style: ListStyle): string {
  return [...kernel.kprobes.sites.values()]
    .flatMap((site) => site.kprobes.map(() => describeSite(kernel, site, style)))
    .join('');
}

function describeSite(kernel: Kernel, site: KprobeSite, { address, gone }: ListStyle): string {
  const { code } = site;
  const place = isGone(site)
    ? `${gone(kernel, code)} [GONE]`
    : `${code.name}+0x0  ${code.module?.name ?? ' '} `;
  return `${address(kernel, code)}  k  ${place}[FTRACE]\n`;
}

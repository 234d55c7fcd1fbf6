/**
 * /sys/kernel/tracing: what ftrace shows of its users.
 *
 * Source: kernel/trace/ftrace.c:t_show(), print_rec_flags().
 */
import { isIn, type ReleaseSpan, since } from '../abi/release.ts';
import type { FtraceOps } from '../engine/ftrace/ftrace.ts';
import { type Code, formatAddress } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';
import { fixedDirectory } from './directory.ts';
import type { Tree } from './inode.ts';
import type { Directory } from './node.ts';
import { procFile } from './procFile.ts';

export function tracingDirectory(tree: Tree): Directory {
  const { kernel } = tree;
  return fixedDirectory(tree, 0o700, {
    enabled_functions: procFile(tree, { mode: 0o440, show: () => showEnabledFunctions(kernel) }),
  });
}

/** How a release writes a line; the last row whose span holds the release is its own. */
interface LineStyle {
  readonly releases: ReleaseSpan;
  readonly flags: (ops: readonly FtraceOps[]) => string;
  /** Where the trampoline of a lone ops goes. */
  readonly helper: string;
  readonly handlerSize: string;
  readonly listFunction: string;
}

const STYLES: readonly LineStyle[] = [
  {
    releases: since('4.0'),
    flags: (ops) => `${flag(ops, 'saveRegs', ' R')}${flag(ops, 'ipModify', ' I')}`,
    helper: 'ftrace_ops_assist_func+0x0/0xf0',
    handlerSize: '0xc0',
    listFunction: 'ftrace_ops_list_func+0x0/0x190',
  },
  {
    // x86 passes ftrace_regs since 5.11, so a livepatch no longer asks for all registers; the
    // third column is for direct calls, which nothing here makes.
    releases: since('5.11'),
    flags: (ops) => `  ${flag(ops, 'ipModify', ' I')}  `,
    helper: 'klp_ftrace_handler+0x0/0x110',
    handlerSize: '0x110',
    listFunction: 'arch_ftrace_ops_list_func+0x0/0x1d0',
  },
];

function flag(ops: readonly FtraceOps[], which: 'saveRegs' | 'ipModify', shown: string): string {
  return ops.some((one) => one[which]) ? shown : '  ';
}

/** Functions with a user, ascending by address. */
function showEnabledFunctions(kernel: Kernel): string {
  const style = STYLES.findLast(({ releases }) => isIn(kernel.config.release, releases));
  if (!style) return '';
  const traced = new Set([...kernel.ftrace.registered].flatMap(({ filter }) => [...filter]));
  return [...traced]
    .sort((a, b) => a.offset - b.offset)
    .map((code) => `${formatLine(kernel, code, style)}\n`)
    .join('');
}

function formatLine(kernel: Kernel, code: Code, style: LineStyle): string {
  const name = code.module ? `${code.name} [${code.module.name}]` : code.name;
  const head = `${name} (${code.ops.length})${style.flags(code.ops)}`;
  const [only, ...others] = code.ops;
  if (!only || others.length > 0) return `${head}\t->${style.listFunction}`;
  const trampoline = formatAddress(trampolineOffset(kernel, only));
  return `${head}\ttramp: 0x${trampoline} (${only.handlerName}+0x0/${style.handlerSize}) ->${style.helper}`;
}

/** Trampolines lie above the modules, a page for each ops. */
const TRAMPOLINES_OFFSET = 0x5000_0000;

function trampolineOffset(kernel: Kernel, ops: FtraceOps): number {
  return TRAMPOLINES_OFFSET + [...kernel.ftrace.registered].indexOf(ops) * 0x1000;
}

/**
 * /sys/kernel/tracing: who sees which calls, and the function tracer.
 *
 * Source: kernel/trace/trace.c, kernel/trace/ftrace.c.
 */
import { KernelError } from '../abi/errno.ts';
import { isIn, type ReleaseSpan, since } from '../abi/release.ts';
import { traceableFunctions } from '../engine/ftrace/filter.ts';
import { setTracer, setTracingOn, TRACERS } from '../engine/ftrace/trace.ts';
import type { Kernel } from '../engine/kernel.ts';
import { fixedDirectory } from './directory.ts';
import { describeCode, showEnabledFunctions, showTouchedFunctions } from './enabledFunctions.ts';
import { functionFilterFile } from './functionFilter.ts';
import type { Tree } from './inode.ts';
import type { Directory, File } from './node.ts';
import { traceFile, tracePipeFile } from './traceFile.ts';
import { tracefsFile } from './tracefsFile.ts';

/** Source: the files that Debian's 6.1 and 6.12 have there. */
export const TOUCHED_FUNCTIONS = {
  name: 'touched_functions',
  mode: 0o440,
  releases: since('6.4'),
} as const;

export function tracingDirectory(tree: Tree): Directory {
  const { kernel } = tree;
  const readOnly = (show: () => string) => tracefsFile(tree, { mode: 0o440, show });
  return fixedDirectory(tree, 0o700, {
    available_filter_functions: readOnly(() => showAvailableFunctions(kernel)),
    available_tracers: readOnly(() => `${TRACERS.join(' ')}\n`),
    current_tracer: tracefsFile(tree, {
      mode: 0o640,
      show: () => `${kernel.trace.tracer}\n`,
      store: (input) => setTracer(kernel, parseTracerName(kernel, input)),
    }),
    enabled_functions: readOnly(() => showEnabledFunctions(kernel)),
    set_ftrace_filter: functionFilterFile(tree, 'filter'),
    set_ftrace_notrace: functionFilterFile(tree, 'notrace'),
    ...touchedFunctions(tree),
    trace: traceFile(tree),
    trace_pipe: tracePipeFile(tree),
    tracing_on: tracefsFile(tree, {
      mode: 0o640,
      show: () => (kernel.trace.on ? '1\n' : '0\n'),
      store: (input) => setTracingOn(kernel, parseSwitch(input)),
    }),
  });
}

function touchedFunctions(tree: Tree): Record<string, File> {
  const { name, mode, releases } = TOUCHED_FUNCTIONS;
  if (!isIn(tree.kernel.config.release, releases)) return {};
  return { [name]: tracefsFile(tree, { mode, show: () => showTouchedFunctions(tree.kernel) }) };
}

/** Source: kernel/trace/ftrace.c:ftrace_avail_open(). */
function showAvailableFunctions(kernel: Kernel): string {
  let text = '';
  for (const code of traceableFunctions(kernel)) text += `${describeCode(code)}\n`;
  return text;
}

interface Trim {
  readonly releases: ReleaseSpan;
  /** For people: blanks where do not count. */
  readonly what: string;
  readonly trim: (text: string) => string;
}

/** Which blanks around a name do not count. Source: tracing_set_trace_write(). */
export const TRIMS: readonly Trim[] = [
  { releases: since('4.0'), what: 'behind a name', trim: (text) => text.trimEnd() },
  { releases: since('6.1'), what: 'around a name', trim: (text) => text.trim() },
];

function parseTracerName({ config }: Kernel, input: string): string {
  const row = TRIMS.findLast(({ releases }) => isIn(config.release, releases));
  return row?.trim(input) ?? input;
}

/** Whether an unsigned decimal number is not 0. Source: rb_simple_write(), kstrtoul(). */
function parseSwitch(input: string): boolean {
  if (!/^\+?\d+\n?$/.test(input)) throw new KernelError('EINVAL', 'no number');
  return Number(input) !== 0;
}

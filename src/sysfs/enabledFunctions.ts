/**
 * enabled_functions: the functions whose calls somebody sees, and who.
 *
 * Source: kernel/trace/ftrace.c:t_show(), add_trampoline_func().
 */
import { assert } from '../abi/errno.ts';
import { isIn, type ReleaseSpan, since } from '../abi/release.ts';
import { traceableFunctions } from '../engine/ftrace/filter.ts';
import { type FtraceOps, numberOf, opsAt } from '../engine/ftrace/ftrace.ts';
import { type Code, formatAddress } from '../engine/kallsyms.ts';
import type { Kernel } from '../engine/kernel.ts';

/** How a release writes a line; the last row whose span holds the release is its own. */
interface LineStyle {
  readonly releases: ReleaseSpan;
  /** For people: how it differs from others. */
  readonly what: string;
  readonly flags: (ops: readonly FtraceOps[], code: Code) => string;
  /** What is between the trampoline of a lone ops that asks for registers, and its handler. */
  readonly assistant?: string;
  readonly handlerSizes: Readonly<Record<string, string>>;
  readonly listFunction: string;
}

export const LINE_STYLES: readonly LineStyle[] = [
  {
    releases: since('4.0'),
    what: 'columns R I; registers come by way of ftrace_ops_assist_func',
    flags: (ops) => `${flag(ops, 'saveRegs', ' R')}${flag(ops, 'ipModify', ' I')}`,
    assistant: 'ftrace_ops_assist_func+0x0/0xf0',
    handlerSizes: {
      klp_ftrace_handler: '0xc0',
      function_trace_call: '0x140',
      kprobe_ftrace_handler: '0xf0',
    },
    listFunction: 'ftrace_ops_list_func+0x0/0x190',
  },
  {
    // The third column is for direct calls, which nothing here makes.
    releases: since('5.11'),
    what: 'columns R I D; a trampoline calls the handler itself',
    flags: (ops) => `${flag(ops, 'saveRegs', ' R')}${flag(ops, 'ipModify', ' I')}  `,
    handlerSizes: {
      klp_ftrace_handler: '0x110',
      function_trace_call: '0x120',
      kprobe_ftrace_handler: '0x1b0',
    },
    listFunction: 'arch_ftrace_ops_list_func+0x0/0x1d0',
  },
  {
    // A column more for call ops, and one for functions that were redirected once.
    releases: since('6.4'),
    what: 'columns R I D O M, the last for what was ever redirected',
    flags: (ops, { modified }) =>
      `${flag(ops, 'saveRegs', ' R')}${flag(ops, 'ipModify', ' I')}    ${modified ? ' M ' : '   '}`,
    handlerSizes: {
      klp_ftrace_handler: '0x100',
      function_trace_call: '0x110',
      kprobe_ftrace_handler: '0x1d0',
    },
    listFunction: 'arch_ftrace_ops_list_func+0x0/0x1d0',
  },
];

function flag(ops: readonly FtraceOps[], which: 'saveRegs' | 'ipModify', shown: string): string {
  return ops.some((one) => one[which]) ? shown : '  ';
}

/** Ascending by address; none while ftrace is off. */
export function showEnabledFunctions(kernel: Kernel): string {
  if (kernel.ftrace.enabled === 0) return '';
  const style = styleOf(kernel);
  return showFunctions(kernel, style, tracedFunctions(kernel));
}

/** touched_functions: those that ever were in enabled_functions, as they are now. */
export function showTouchedFunctions(kernel: Kernel): string {
  const style = styleOf(kernel);
  return showFunctions(
    kernel,
    style,
    [...traceableFunctions(kernel)].filter(({ touched }) => touched),
  );
}

function showFunctions(kernel: Kernel, style: LineStyle, codes: readonly Code[]): string {
  return codes
    .map((code) => `${describeCode(code)} ${describeUsers(kernel, code, style)}\n`)
    .join('');
}

function styleOf({ config }: Kernel): LineStyle {
  const style = LINE_STYLES.findLast(({ releases }) => isIn(config.release, releases));
  assert(style, 'every release has a style');
  return style;
}

/** Looks at all functions only if somebody sees them all. */
function tracedFunctions(kernel: Kernel): Code[] {
  const { ftrace } = kernel;
  const candidates =
    ftrace.everywhere.length > 0
      ? [...traceableFunctions(kernel)]
      : [...new Set([...ftrace.registered.keys()].flatMap(({ filter }) => [...filter]))];
  return candidates
    .filter((code) => code.module?.state !== 'unformed' && opsAt(ftrace, code).length > 0)
    .sort((a, b) => a.offset - b.offset);
}

/** As %ps prints an address. */
export function describeCode({ name, module }: Code): string {
  return module ? `${name} [${module.name}]` : name;
}

const STUB = 'ftrace_stub+0x0/0x20';
const TRACER = 'function_trace_call';

/**
 * What call sites without a trampoline of their own would call. An ops that was allocated, as those
 * of livepatch are, is only ever called by way of the list.
 *
 * Source: update_ftrace_function(), ftrace_ops_get_list_func().
 */
function traceFunction({ ftrace }: Kernel, style: LineStyle): string {
  const [first, ...others] = ftrace.registered.keys();
  if (!first) return STUB;
  const isTracerAlone = others.length === 0 && first.handlerName === TRACER;
  return isTracerAlone ? describeHandler(first, style) : style.listFunction;
}

function describeUsers(kernel: Kernel, code: Code, style: LineStyle): string {
  const users = opsAt(kernel.ftrace, code);
  const head = `(${users.length})${style.flags(users, code)}`;
  const [only, ...others] = users;
  if (!only) return `${head} ->${traceFunction(kernel, style)}`;
  if (others.length > 0) return `${head} ->${style.listFunction}`;
  const handler = describeHandler(only, style);
  const called = only.saveRegs ? (style.assistant ?? handler) : handler;
  const trampoline = formatAddress(trampolineOffset(kernel, only));
  return `${head}\ttramp: 0x${trampoline} (${handler}) ->${called}`;
}

function describeHandler({ handlerName }: FtraceOps, { handlerSizes }: LineStyle): string {
  return `${handlerName}+0x0/${handlerSizes[handlerName] ?? '0x40'}`;
}

/** Trampolines lie above the modules, a page for each ops. */
const TRAMPOLINES_OFFSET = 0x5000_0000;
const TRAMPOLINES = 0x2_0000;

function trampolineOffset({ ftrace }: Kernel, ops: FtraceOps): number {
  return TRAMPOLINES_OFFSET + (numberOf(ftrace, ops) % TRAMPOLINES) * 0x1000;
}

/**
 * trace and trace_pipe: what the tracer has recorded, to look at or to take away.
 *
 * Source: kernel/trace/trace.c:tracing_open(), tracing_read_pipe(), print_trace_line().
 */
import { encodeUtf8, joinBytes } from '../abi/bytes.ts';
import { KernelError } from '../abi/errno.ts';
import {
  mayRead,
  mayWrite,
  O_NONBLOCK,
  O_TRUNC,
  POLLIN,
  POLLRDNORM,
  S_IFREG,
} from '../abi/mode.ts';
import { between, isIn, type ReleaseSpan, since } from '../abi/release.ts';
import { NS_PER_SECOND, NS_PER_US } from '../engine/clock.ts';
import {
  clearTrace,
  entriesOf,
  startTracing,
  stopTracing,
  type TraceEntry,
  takeEntry,
} from '../engine/ftrace/trace.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { Context } from '../engine/sched/context.ts';
import { waitOn } from '../engine/sched/wait.ts';
import { createNode, ONE_LINK, type Tree } from './inode.ts';
import type { File, OpenFile } from './node.ts';
import { createPoller } from './poller.ts';
import { createSnapshot, readSnapshot } from './snapshot.ts';
import { refuse } from './tracefsFile.ts';

/** How a release writes; the last row whose span holds the release is its own. */
interface TraceStyle {
  readonly releases: ReleaseSpan;
  readonly columns: string;
  readonly pidWidth: number;
  /** irqs-off, need-resched, hardirq/softirq; preempt-depth; what comes after it. */
  readonly flags: readonly [string, string];
}

export const TRACE_STYLES: readonly TraceStyle[] = [
  {
    // Source: print_func_help_header_irq(), trace_print_context() of 4.15.
    releases: since('4.0'),
    columns: `\
#                              _-----=> irqs-off
#                             / _----=> need-resched
#                            | / _---=> hardirq/softirq
#                            || / _--=> preempt-depth
#                            ||| /     delay
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
`,
    pidWidth: 5,
    flags: ['...', ''],
  },
  {
    // As a 6.1 kernel prints it; migrate-disable came with 5.17.
    releases: since('5.17'),
    columns: `\
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`,
    pidWidth: 7,
    flags: ['...', '.'],
  },
];

/** Where an open for reading stops tracing. Source: __tracing_open(), commit 06e0a548bad0 (5.8). */
export const STOPS_TRACING = between('4.0', '5.8');

/** An open with O_TRUNC clears the trace; what is written is ignored. Source: tracing_write_stub(). */
export function traceFile(tree: Tree): File {
  const { kernel } = tree;
  const stopsTracing = isIn(kernel.config.release, STOPS_TRACING);
  return {
    kind: 'file',
    ...createNode(tree, S_IFREG | 0o640, { nlink: ONE_LINK }),
    isOpenInput: stopsTracing,
    open: (flags) => openTrace(kernel, flags, stopsTracing && mayRead(flags)),
  };
}

function openTrace(kernel: Kernel, flags: number, stops: boolean): OpenFile {
  const { trace } = kernel;
  if (mayWrite(flags) && (flags & O_TRUNC) !== 0) clearTrace(trace);
  if (stops) stopTracing(trace);
  const snapshot = createSnapshot();
  return {
    read: (offset, sizeBytes) =>
      readSnapshot(snapshot, offset, sizeBytes, { show: () => showTrace(kernel) }),
    write: (_offset, data) => data.length,
    release: () => {
      if (stops) startTracing(trace);
    },
  };
}

export function tracePipeFile(tree: Tree): File {
  return {
    kind: 'file',
    ...createNode(tree, S_IFREG | 0o440, { nlink: ONE_LINK }),
    open: (flags) => openPipe(tree.kernel, (flags & O_NONBLOCK) === 0),
  };
}

function showTrace(kernel: Kernel): string {
  const { trace, cpus } = kernel;
  const style = styleOf(kernel);
  const count = trace.next - trace.first;
  const online = cpus.filter((cpu) => cpu.online).length;
  const head =
    `# tracer: ${trace.tracer}\n#\n` +
    `# entries-in-buffer/entries-written: ${count}/${count + trace.overrun}   #P:${online}\n#\n`;
  const lines = [...entriesOf(trace)].map((entry) => formatEntry(entry, style));
  return `${head}${style.columns}${lines.join('')}`;
}

/**
 * A line that does not fit is given in parts. When tracing goes off, a reader comes to an end. A read
 * runs on a task even if it need not wait: it changes the trace, which a recording has to know.
 */
function openPipe(kernel: Kernel, blocking: boolean): OpenFile {
  const { trace } = kernel;
  let left: Uint8Array = new Uint8Array(0);
  let hasRead = false;
  const poller = createPoller(trace.readers);
  return {
    read: (_offset, sizeBytes) => takeNext(sizeBytes),
    write: refuse,
    // Source: trace_poll(), ring_buffer_poll_wait().
    poll: (wake) => {
      poller.wait(wake);
      return trace.first === trace.next ? 0 : POLLIN | POLLRDNORM;
    },
    release: poller.leave,
  };

  function isEmpty(): boolean {
    return left.length === 0 && trace.first === trace.next;
  }

  function isAtEnd(): boolean {
    return hasRead && !trace.on;
  }

  /** Source: tracing_wait_pipe(). */
  function* takeNext(sizeBytes: number): Context<Uint8Array> {
    while (isEmpty() && !isAtEnd()) {
      if (!blocking) throw new KernelError('EAGAIN', 'nothing was recorded');
      const wakeup = yield* waitOn(kernel, trace.readers, 'interruptible');
      if (wakeup === 'signal') throw new KernelError('EINTR', 'a signal came');
    }
    return take(sizeBytes);
  }

  function take(sizeBytes: number): Uint8Array {
    const style = styleOf(kernel);
    const pieces = [left];
    for (let taken = left.length; taken < sizeBytes; ) {
      const entry = takeEntry(trace);
      if (!entry) break;
      const piece = encodeUtf8(formatEntry(entry, style));
      pieces.push(piece);
      taken += piece.length;
      hasRead = true;
    }
    const bytes = joinBytes(pieces);
    left = bytes.slice(sizeBytes);
    return bytes.subarray(0, sizeBytes);
  }
}

function styleOf({ config }: Kernel): TraceStyle {
  const style = TRACE_STYLES.findLast(({ releases }) => isIn(config.release, releases));
  if (!style) throw new Error(`klpfs bug: no trace style for ${config.release}`);
  return style;
}

/** Source: trace_print_context(), trace_fn_trace(). */
function formatEntry(entry: TraceEntry, { pidWidth, flags }: TraceStyle): string {
  const { comm, pid, cpu, preemptDepth, timeNs, ip, parentIp } = entry;
  const task = `${comm.padStart(16)}-${String(pid).padEnd(pidWidth)}`;
  const state = `${flags[0]}${preemptDepth || '.'}${flags[1]}`;
  const seconds = String(Math.floor(timeNs / NS_PER_SECOND)).padStart(5);
  const micros = String(Math.floor((timeNs % NS_PER_SECOND) / NS_PER_US)).padStart(6, '0');
  const place = `[${String(cpu).padStart(3, '0')}]`;
  return `${task} ${place} ${state} ${seconds}.${micros}: ${ip.name} <-${parentIp?.name ?? '0x0'}\n`;
}

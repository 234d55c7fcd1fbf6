/**
 * The trace: a ring of what a tracer recorded, and which tracer that is.
 *
 * Source: kernel/trace/trace.c, kernel/trace/trace_functions.c, kernel/trace/ring_buffer.c.
 */
import { assert, KernelError } from '../../abi/errno.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';
import { commOf, cpuOf, kindOf, pidOf, type Task } from '../sched/task.ts';
import { createWaitQueue, isAwaited, type WaitQueue, wakeAll } from '../sched/wait.ts';
import {
  createOps,
  type FtraceOps,
  opsAt,
  registerFtraceFunction,
  unregisterFtraceFunction,
} from './ftrace.ts';

/** What can be written to current_tracer, in the order of available_tracers. */
export const TRACERS = ['function', 'nop'] as const;
export type Tracer = (typeof TRACERS)[number];

/** A call. Source: kernel/trace/trace_entries.h:struct ftrace_entry. */
export interface TraceEntry {
  readonly timeNs: number;
  readonly cpu: number;
  readonly pid: number;
  readonly comm: string;
  readonly preemptDepth: number;
  readonly ip: Code;
  readonly parentIp: Code | undefined;
}

/** struct trace_array, of which there is one. */
export interface Trace {
  tracer: Tracer;
  /** tracing_on. */
  on: boolean;
  /** stop_count: while somebody has stopped tracing, nothing is recorded. */
  stops: number;
  /** What the function tracer sees calls by: global_ops, with set_ftrace_filter's filters. */
  readonly ops: FtraceOps;
  /** By the remainder of an entry's number; from `first` up to, not including, `next`. */
  readonly ring: TraceEntry[];
  readonly capacity: number;
  first: number;
  next: number;
  /** Entries that were overwritten before anybody took them. */
  overrun: number;
  /** Who waits for the next entry. */
  readonly readers: WaitQueue;
}

/** 1408 KiB a cpu, in pages that hold 145 entries of 28 bytes. */
const ENTRIES_PER_CPU = 352 * 145;

export function createTrace(cpus: number): Trace {
  return {
    tracer: 'nop',
    on: true,
    stops: 0,
    ops: createOps({ handlerName: 'function_trace_call', handler: traceCall }),
    ring: [],
    capacity: cpus * ENTRIES_PER_CPU,
    first: 0,
    next: 0,
    overrun: 0,
    readers: createWaitQueue(),
  };
}

/**
 * Writes current_tracer. Another tracer begins with an empty trace.
 *
 * @throws KernelError EINVAL for a tracer that there is not.
 * Source: tracing_set_tracer().
 */
export function setTracer(kernel: Kernel, name: string): void {
  const { trace } = kernel;
  const tracer = TRACERS.find((known) => known === name);
  if (!tracer) throw new KernelError('EINVAL', `there is no tracer '${name}'`);
  if (tracer === trace.tracer) return;
  if (trace.tracer === 'function') unregisterFtraceFunction(kernel, trace.ops);
  trace.tracer = tracer;
  clearTrace(trace);
  if (tracer === 'function') registerFtraceFunction(kernel, trace.ops);
}

/** Writes tracing_on; readers of trace_pipe come to an end when it goes off. */
export function setTracingOn(kernel: Kernel, on: boolean): void {
  kernel.trace.on = on;
  if (!on) wakeAll(kernel, kernel.trace.readers);
}

/** tracing_stop_tr(): nothing is recorded until as many startTracing() have come. */
export function stopTracing(trace: Trace): void {
  trace.stops += 1;
}

/** tracing_start_tr(). */
export function startTracing(trace: Trace): void {
  assert(trace.stops > 0, 'who starts tracing has stopped it');
  trace.stops -= 1;
}

/** tracing_reset_online_cpus(). */
export function clearTrace(trace: Trace): void {
  trace.ring.length = 0;
  trace.first = 0;
  trace.next = 0;
  trace.overrun = 0;
}

/** The entries, the oldest first. */
export function* entriesOf({ ring, capacity, first, next }: Trace): Generator<TraceEntry, void> {
  for (let number = first; number < next; number += 1) {
    const entry = ring[number % capacity];
    if (entry) yield entry;
  }
}

/** Takes the oldest entry out of the trace. */
export function takeEntry(trace: Trace): TraceEntry | undefined {
  if (trace.first === trace.next) return undefined;
  const entry = trace.ring[trace.first % trace.capacity];
  trace.first += 1;
  return entry;
}

/** Several ops at one call site are called by a function that turns preemption off meanwhile. */
const LIST_FUNC_DEPTH = 1;

/** Source: function_trace_call(), trace_function(). */
function traceCall(kernel: Kernel, task: Task, ip: Code, parentIp: Code | undefined): undefined {
  const { trace, tasks, ftrace, clock } = kernel;
  if (!trace.on || trace.stops > 0) return;
  if (trace.next - trace.first === trace.capacity) {
    trace.first += 1;
    trace.overrun += 1;
  }
  trace.ring[trace.next % trace.capacity] = {
    timeNs: clock.nowNs,
    cpu: cpuOf(tasks, task),
    pid: pidOf(tasks, task),
    comm: kindOf(tasks, task) === 'idle' ? '<idle>' : commOf(tasks, task),
    preemptDepth: opsAt(ftrace, ip).length > 1 ? LIST_FUNC_DEPTH : 0,
    ip,
    parentIp,
  };
  trace.next += 1;
  if (isAwaited(trace.readers)) wakeAll(kernel, trace.readers);
}

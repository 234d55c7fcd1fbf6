/**
 * Drives the emulated kernel: moves its clock, runs what is due, never for long at a time.
 */
import { performance } from 'node:perf_hooks';
import { NS_PER_MS, nextExpiryNs } from '../engine/clock.ts';
import type { Kernel } from '../engine/kernel.ts';
import type { Context } from '../engine/sched/context.ts';
import { interruptRequest, startRequest, startRequestIn } from '../engine/sched/request.ts';
import { runMachine } from '../engine/sched/run.ts';
import type { Outcome } from '../engine/sched/scheduler.ts';
import type { Task } from '../engine/sched/task.ts';
import type { Caller } from '../sysfs/node.ts';

/** How virtual time passes: with the wall clock, or when told. */
export type ClockMode =
  | { readonly kind: 'real' /** Virtual seconds per real second. */; readonly speed: number }
  | { readonly kind: 'manual' };

/** Hears of what comes to the machine from outside, just before the machine does. */
export interface LoopObserver {
  starting(context: Context<unknown>): void;
  interrupting(context: Context<unknown>): void;
}

/** How long the engine works before requests get their turn again. */
const SLICE_MS = 1;
/**
 * How long a request waits for a machine that lags behind the clock, so that what was due before it
 * is done before it; and how long those of one turn of the event loop do so together.
 */
const LAG_MS = 3;
/** How many steps of the engine pass between two looks at the wall clock. */
const STEPS_PER_LOOK = 4;
/** How long the machine rests after a bug of the engine, so that it does not repeat it for ever. */
const AFTER_BUG_MS = 1000;
/** A request catches up first, so nobody sees that an idle machine rests a little longer. */
const MIN_TIMEOUT_MS = 10;
/** Who looks at the times of files reads the clock without a request: so old may it be. */
const MAX_TIMEOUT_MS = 100;

export class MachineLoop {
  readonly kernel: Kernel;
  observer: LoopObserver | undefined;
  /** Finds the task of whoever asks; without, each request has one of its own. */
  taskOf: ((caller: Caller) => Task | undefined) | undefined;
  readonly #mode: ClockMode;
  readonly #onBug: (error: unknown) => void;
  readonly #startedMs = performance.now();
  #manualNs = 0;
  /** Until when a manual clock goes on by itself, as each of those wants it who let it run. */
  readonly #runs = new Set<{ readonly untilNs: number }>();
  /** The clock is to stop earlier than the machine, which is at work, was told. */
  #stopsEarlier = false;
  #steps = 0;
  #running = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer goes off. */
  #wakesMs = Number.POSITIVE_INFINITY;
  /** Set while the machine lags: then it goes on in the next turn of the event loop. */
  #immediate: NodeJS.Immediate | undefined;
  /** From when on requests wait for that, or the turn would be as long as they are many. */
  #turnEndsMs = 0;

  constructor(kernel: Kernel, mode: ClockMode, onBug: (error: unknown) => void) {
    this.kernel = kernel;
    this.#mode = mode;
    this.#onBug = onBug;
    kernel.wakeListeners.push(() => this.#goOnSoon());
  }

  /** Runs a context in a process of the machine; the answer interrupts it. */
  readonly run = <T>(
    context: Context<T>,
    settled: (outcome: Outcome<T>) => void,
    caller?: Caller,
  ): (() => void) => {
    this.#catchUp(LAG_MS);
    this.observer?.starting(context);
    const asking = caller && this.taskOf?.(caller);
    const task =
      asking === undefined
        ? startRequest(this.kernel, context, settled)
        : startRequestIn(this.kernel, asking, context, settled);
    this.#catchUp();
    return () => {
      this.observer?.interrupting(context);
      interruptRequest(this.kernel, task);
      this.#catchUp();
    };
  };

  /** Begins to follow the clock. */
  start(): void {
    this.#catchUp();
  }

  /** Something has come to the machine from outside. */
  see(): void {
    this.#catchUp();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#running = true;
  }

  /** Moves a manual clock; the machine gets there once the current request lets it. */
  extend(durationNs: number): void {
    this.#manualNs = Math.max(this.#manualNs, this.kernel.clock.nowNs) + durationNs;
  }

  /** Lets a manual clock go on until then; the answer stops it where the machine has got to. */
  runOn(untilNs: number): () => void {
    const run = { untilNs };
    this.#runs.add(run);
    return () => {
      this.#runs.delete(run);
      this.#manualNs = Math.max(this.#manualNs, this.kernel.clock.nowNs);
      if (untilNs > this.kernel.clock.nowNs) this.#stopsEarlier = true;
    };
  }

  /**
   * How many steps the engine has done, counting those that ended with a bug. Together with the
   * virtual time it says exactly how far the machine has got, however the work was cut in slices.
   */
  get steps(): number {
    return this.#steps;
  }

  #targetNs(nowMs: number): number {
    if (this.#mode.kind === 'manual') {
      return Math.max(this.#manualNs, ...[...this.#runs].map(({ untilNs }) => untilNs));
    }
    return Math.floor((nowMs - this.#startedMs) * NS_PER_MS * this.#mode.speed);
  }

  #catchUp(patienceMs = SLICE_MS): void {
    if (this.#running) return;
    const nowMs = performance.now();
    if (!this.#immediate) this.#turnEndsMs = nowMs + LAG_MS;
    if (nowMs >= this.#turnEndsMs) return;
    this.#running = true;
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    try {
      const isThere = this.#runSlice(nowMs, Math.min(nowMs + patienceMs, this.#turnEndsMs));
      if (isThere) this.#waitForNextTimer(nowMs);
      else this.#goOnNextTurn();
    } catch (error) {
      this.#steps += 1;
      this.#onBug(error);
      this.#setTimer(nowMs, AFTER_BUG_MS);
    } finally {
      this.#running = false;
    }
  }

  /** True when the machine has reached the present. */
  #runSlice(nowMs: number, deadlineMs: number): boolean {
    const pause = () => {
      this.#steps += 1;
      const isOver = this.#steps % STEPS_PER_LOOK === 0 && performance.now() >= deadlineMs;
      return isOver || this.#stopsEarlier;
    };
    do {
      this.#stopsEarlier = false;
      if (!runMachine(this.kernel, this.#targetNs(nowMs), pause)) return false;
    } while (this.#mode.kind === 'manual' && this.kernel.clock.nowNs < this.#targetNs(nowMs));
    return true;
  }

  /** Somebody was woken by what runs on no task of the machine, such as a line for its log. */
  #goOnSoon(): void {
    if (!this.#running && !this.#immediate) this.#goOnNextTurn();
  }

  #goOnNextTurn(): void {
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.#catchUp();
    });
  }

  /**
   * Leaves a timer that goes off earlier as it is, and sees then: most requests change nothing about
   * when the machine has something to do, and setting a timer anew costs more than they do.
   */
  #waitForNextTimer(nowMs: number): void {
    if (this.#mode.kind === 'manual') return;
    const nextNs = nextExpiryNs(this.kernel.timers);
    const delayMs = (nextNs - this.kernel.clock.nowNs) / NS_PER_MS / this.#mode.speed;
    const roundedMs = Math.min(Math.max(MIN_TIMEOUT_MS, Math.ceil(delayMs)), MAX_TIMEOUT_MS);
    if (nowMs + roundedMs < this.#wakesMs) this.#setTimer(nowMs, roundedMs);
  }

  #setTimer(nowMs: number, delayMs: number): void {
    clearTimeout(this.#timer);
    this.#wakesMs = nowMs + delayMs;
    this.#timer = setTimeout(() => {
      this.#wakesMs = Number.POSITIVE_INFINITY;
      this.#catchUp();
    }, delayMs);
  }
}

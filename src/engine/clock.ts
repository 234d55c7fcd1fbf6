/**
 * Virtual time: a number that the shell moves, jiffies derived from it, and a queue of timers.
 *
 * Source: include/linux/jiffies.h, kernel/time/timer.c.
 */

export const NS_PER_US = 1_000;
export const NS_PER_MS = 1_000_000;
export const NS_PER_SECOND = 1_000_000_000;

/** Ticks per second, CONFIG_HZ of the distribution kernels that the profiles follow. */
export const HZ = 250;
export const JIFFY_NS = NS_PER_SECOND / HZ;

/** USER_HZ: the ticks in which user space is told times. */
export const USER_TICK_NS = NS_PER_SECOND / 100;

/** INITIAL_JIFFIES: (unsigned int)(-300 * HZ), so that jiffies wraps five minutes after boot. */
const INITIAL_JIFFIES = 2 ** 32 - 300 * HZ;

export interface Clock {
  /** Nanoseconds since boot. */
  nowNs: number;
  /** The Unix time of boot in milliseconds; only file times need it. */
  readonly bootTimeMs: number;
}

/** Ticks since a number that makes their lower half wrap soon. */
export function jiffies({ nowNs }: Clock): number {
  return INITIAL_JIFFIES + Math.floor(nowNs / JIFFY_NS);
}

/** The Unix time in milliseconds. */
export function wallTimeMs(clock: Clock): number {
  return clock.bootTimeMs + Math.floor(clock.nowNs / NS_PER_MS);
}

/**
 * The delay in nanoseconds until a whole second of jiffies, about `delayJiffies` from now: down if
 * less than a quarter of a second is cut off, else up, with three jiffies of skew per cpu.
 *
 * Source: kernel/time/timer.c:round_jiffies_common(), round_jiffies_relative().
 */
export function roundJiffiesRelativeNs(clock: Clock, delayJiffies: number, cpu: number): number {
  const now = jiffies(clock);
  const original = now + delayJiffies;
  const skewed = original + cpu * 3;
  const remainder = skewed % HZ;
  const rounded = (remainder < HZ / 4 ? skewed : skewed + HZ) - remainder - cpu * 3;
  const expires = rounded > now ? rounded : original;
  return (expires - INITIAL_JIFFIES) * JIFFY_NS - clock.nowNs;
}

export interface Timer<T> {
  readonly expiresNs: number;
  /** Ties expire in the order in which they were set. */
  readonly sequence: number;
  readonly payload: T;
  cancelled: boolean;
}

/** A binary heap of timers, the earliest first. */
export interface TimerQueue<T> {
  readonly heap: Timer<T>[];
  nextSequence: number;
}

export function createTimerQueue<T>(): TimerQueue<T> {
  return { heap: [], nextSequence: 1 };
}

export function setTimer<T>(queue: TimerQueue<T>, expiresNs: number, payload: T): Timer<T> {
  const timer = { expiresNs, sequence: queue.nextSequence, payload, cancelled: false };
  queue.nextSequence += 1;
  queue.heap.push(timer);
  siftUp(queue.heap, queue.heap.length - 1);
  return timer;
}

/** When the next timer expires, in nanoseconds since boot; Infinity if there is none. */
export function nextExpiryNs<T>(queue: TimerQueue<T>): number {
  dropCancelled(queue);
  return queue.heap[0]?.expiresNs ?? Number.POSITIVE_INFINITY;
}

/** Takes the earliest timer off the queue. */
export function popTimer<T>(queue: TimerQueue<T>): Timer<T> | undefined {
  dropCancelled(queue);
  return removeFirst(queue.heap);
}

function dropCancelled<T>({ heap }: TimerQueue<T>): void {
  while (heap[0]?.cancelled) removeFirst(heap);
}

function removeFirst<T>(heap: Timer<T>[]): Timer<T> | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last && heap.length > 0) {
    heap[0] = last;
    siftDown(heap);
  }
  return first;
}

function siftUp<T>(heap: Timer<T>[], from: number): void {
  let index = from;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!swapIfEarlier(heap, index, parent)) return;
    index = parent;
  }
}

function siftDown<T>(heap: Timer<T>[]): void {
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    const child = isEarlier(heap[right], heap[left]) ? right : left;
    if (!swapIfEarlier(heap, child, index)) return;
    index = child;
  }
}

function swapIfEarlier<T>(heap: Timer<T>[], below: number, above: number): boolean {
  const lower = heap[below];
  const upper = heap[above];
  if (!lower || !upper || !isEarlier(lower, upper)) return false;
  heap[below] = upper;
  heap[above] = lower;
  return true;
}

function isEarlier<T>(a: Timer<T> | undefined, b: Timer<T> | undefined): boolean {
  if (!a || !b) return a !== undefined;
  return a.expiresNs < b.expiresNs || (a.expiresNs === b.expiresNs && a.sequence < b.sequence);
}

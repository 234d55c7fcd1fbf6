/** What a write answers: how many bytes were taken, once the store is done. */
import type { Context } from '../engine/sched/context.ts';
import { type Answer, isContext } from './node.ts';

/** All bytes given count as taken when `stored` succeeds. */
export function countStored(stored: Answer<void>, sizeBytes: number): Answer<number> {
  return isContext(stored) ? countLater(stored, sizeBytes) : sizeBytes;
}

function* countLater(stored: Context, sizeBytes: number): Context<number> {
  yield* stored;
  return sizeBytes;
}

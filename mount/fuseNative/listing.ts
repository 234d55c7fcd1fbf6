/** Long lists are taken in slices, so that nobody else waits for the end of one. */
import { answer, type OnBug, type Reply } from '../reply.ts';

/** A fraction of a millisecond. */
const SLICE_ITEMS = 1000;

/** Replies with all items: at once, unless there are many. What happens in between is seen or not. */
export function takeAll<T>(
  items: Iterator<T>,
  reply: Reply<readonly T[]>,
  onBug: OnBug,
  taken: T[] = [],
): void {
  answer(
    () => takeSlice(items, taken),
    (isEnd) => {
      if ('errno' in isEnd) reply(isEnd);
      else if (isEnd.value) reply({ value: taken });
      else setImmediate(() => takeAll(items, reply, onBug, taken));
    },
    onBug,
  );
}

/** True at the end. */
function takeSlice<T>(items: Iterator<T>, taken: T[]): boolean {
  for (let count = 0; count < SLICE_ITEMS; count += 1) {
    const next = items.next();
    if (next.done) return true;
    taken.push(next.value);
  }
  return false;
}

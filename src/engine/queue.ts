/** First in, first out, in constant time however long it is. */

export interface Queue<T> {
  readonly items: T[];
  /** The index of the first item; what lies before it was taken. */
  head: number;
}

export function createQueue<T>(): Queue<T> {
  return { items: [], head: 0 };
}

export function queueLength<T>(queue: Queue<T>): number {
  return queue.items.length - queue.head;
}

export function pushLast<T>(queue: Queue<T>, item: T): void {
  queue.items.push(item);
}

export function pushFirst<T>(queue: Queue<T>, item: T): void {
  if (queue.head === 0) {
    queue.items.unshift(item);
  } else {
    queue.head -= 1;
    queue.items[queue.head] = item;
  }
}

export function takeFirst<T>(queue: Queue<T>): T | undefined {
  const item = queue.items[queue.head];
  if (queue.head < queue.items.length) queue.head += 1;
  if (queue.head === queue.items.length) {
    queue.items.length = 0;
    queue.head = 0;
  }
  return item;
}

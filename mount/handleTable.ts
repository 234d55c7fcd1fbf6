/** What clients have opened, by number, for protocols that name it so. */

/** Numbers start at 1: fuse-native takes 0 for "no number". */
export class HandleTable<Opened> {
  readonly #opened = new Map<number, Opened>();
  #last = 0;

  add(opened: Opened): number {
    do {
      this.#last = (this.#last % 0x7fffffff) + 1;
    } while (this.#opened.has(this.#last));
    this.#opened.set(this.#last, opened);
    return this.#last;
  }

  get(number: number): Opened | undefined {
    return this.#opened.get(number);
  }

  /** All that are open. */
  values(): IterableIterator<Opened> {
    return this.#opened.values();
  }

  delete(number: number): void {
    this.#opened.delete(number);
  }
}

/** Open files by number, for protocols that name them so. */
import type { Node, OpenFile } from '../src/sysfs/node.ts';

/** One open, and the node that it is an open of. */
export interface Handle {
  readonly node: Node;
  readonly file: OpenFile;
}

/** Numbers start at 1: fuse-native takes 0 for "no number". */
export class HandleTable {
  readonly #handles = new Map<number, Handle>();
  #last = 0;

  add(handle: Handle): number {
    do {
      this.#last = (this.#last % 0x7fffffff) + 1;
    } while (this.#handles.has(this.#last));
    this.#handles.set(this.#last, handle);
    return this.#last;
  }

  get(number: number): Handle | undefined {
    return this.#handles.get(number);
  }

  delete(number: number): void {
    this.#handles.delete(number);
  }
}

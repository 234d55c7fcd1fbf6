/**
 * One open directory: what is listed is taken as it is asked for, and stays the same until the
 * client goes back to the beginning.
 *
 * Source: fs/kernfs/dir.c:kernfs_fop_readdir(): the offset behind `.` is 1, behind the last entry
 * INT_MAX, behind all others a hash of a name, which is never as small as ours for them.
 */
import type { Entry } from '../../src/sysfs/node.ts';

/** An entry, and the offset at which a reader goes on behind it. */
export interface Listed {
  readonly entry: Entry;
  readonly next: number;
}

const END = 0x7fffffff;
/** What offsets behind the second entry and later ones are above their index. */
const ABOVE_INDEX = 2;

export class Listing {
  readonly #taken: Entry[] = [];
  #rest: Iterator<Entry> | undefined;

  /** Begins anew with these, and what comes behind them. */
  begin(dots: readonly Entry[], entries: Iterable<Entry>): void {
    this.#taken.splice(0, Number.POSITIVE_INFINITY, ...dots);
    this.#rest = entries[Symbol.iterator]();
  }

  /** The entry at an offset; undefined at the end. */
  at(offset: number): Listed | undefined {
    if (offset === END) return undefined;
    const index = offset < ABOVE_INDEX ? offset : offset - ABOVE_INDEX;
    const entry = this.#entry(index);
    if (!entry) return undefined;
    const isLast = this.#entry(index + 1) === undefined;
    const offsetBehind = index === 0 ? 1 : index + 1 + ABOVE_INDEX;
    return { entry, next: isLast ? END : offsetBehind };
  }

  #entry(index: number): Entry | undefined {
    while (this.#rest && this.#taken.length <= index) {
      const { value, done } = this.#rest.next();
      if (done) this.#rest = undefined;
      else this.#taken.push(value);
    }
    return this.#taken[index];
  }
}

/**
 * The nodes that the kernel knows, by the ids under which it knows them.
 *
 * An id is never used again: the kernel may still name what a directory no longer has. Which names
 * lead to a node is kept as well, so that only names that the kernel remembers are taken back.
 *
 * Source: include/uapi/linux/fuse.h, FUSE_LOOKUP, FUSE_FORGET; libfuse's `struct node`.
 */
import { assert } from '../../src/abi/errno.ts';
import type { Directory, Node } from '../../src/sysfs/node.ts';
import { ROOT_ID } from '../wire/protocol.ts';

/** A node that the kernel knows. */
export interface Known {
  readonly id: number;
  /** The latest that was found under its name and number. */
  node: Node;
  /** How often the kernel has been told of it, less how often it has forgotten. */
  lookups: number;
  /** Where it is found; undefined for the root, and once the name was taken back. */
  parent: Known | undefined;
  readonly name: string;
  /** How many directories it was found in. */
  readonly depth: number;
  readonly children: Map<string, Known>;
}

const NONE: readonly Known[] = [];

export class NodeTable {
  readonly #byId = new Map<number, Known>();
  /** Several where a directory is shown at several places: the kernel wants it to have one name. */
  readonly #byIno = new Map<number, readonly Known[]>();
  #lastId = ROOT_ID;

  constructor(root: Directory) {
    this.#add({ id: ROOT_ID, node: root, parent: undefined, name: '' });
  }

  /** How many nodes the kernel knows. */
  get size(): number {
    return this.#byId.size;
  }

  /** What the kernel means by an id. */
  get(id: number): Known {
    const known = this.#byId.get(id);
    assert(known, `the kernel names node ${id}, which it does not know`);
    return known;
  }

  /** All under which the kernel knows an inode number. */
  withIno(ino: number): readonly Known[] {
    return this.#byIno.get(ino) ?? NONE;
  }

  /** The kernel is told of a node once more, as `name` in `parent`. */
  found(parent: Known, name: string, node: Node): Known {
    let known = parent.children.get(name);
    if (known?.node.ino !== node.ino || known.node.generation !== node.generation) {
      this.#lastId += 1;
      if (known) known.parent = undefined;
      known = this.#add({ id: this.#lastId, node, parent, name });
      parent.children.set(name, known);
    }
    known.node = node;
    known.lookups += 1;
    return known;
  }

  /** A name is no longer what the kernel remembers. False if it remembers nothing. */
  takeBack(parent: Known, name: string): boolean {
    const known = parent.children.get(name);
    if (!known) return false;
    known.parent = undefined;
    return parent.children.delete(name);
  }

  /** Whether the names that led to a node are all still what they were. */
  isReachable({ id, parent }: Known): boolean {
    return parent ? this.isReachable(parent) : id === ROOT_ID;
  }

  /** The kernel has forgotten a node so many times. */
  forget(id: number, lookups: number): void {
    if (id === ROOT_ID) return;
    const known = this.get(id);
    known.lookups -= lookups;
    assert(known.lookups >= 0, `node ${id} was forgotten more often than found`);
    if (known.lookups > 0) return;
    known.parent?.children.delete(known.name);
    this.#byId.delete(id);
    const { ino } = known.node;
    const others = this.withIno(ino).filter((other) => other !== known);
    if (others.length > 0) this.#byIno.set(ino, others);
    else this.#byIno.delete(ino);
  }

  #add(named: Pick<Known, 'id' | 'node' | 'parent' | 'name'>): Known {
    const depth = named.parent ? named.parent.depth + 1 : 0;
    const known: Known = { ...named, depth, lookups: 0, children: new Map() };
    this.#byId.set(known.id, known);
    this.#byIno.set(known.node.ino, [...this.withIno(known.node.ino), known]);
    return known;
  }
}

/**
 * Remembers all names and attributes that it has seen of a tree, until it is told otherwise: what
 * the kernel does with a mount.
 */
import type { Attributes, Directory, Node, TreeListener } from '../../src/sysfs/node.ts';

interface Name {
  readonly path: string;
  readonly directory: Directory;
  readonly name: string;
  readonly node: string;
}

export class Memory implements TreeListener {
  /** How much it was told to forget, and did know. */
  forgotten = 0;
  readonly #names = new Map<string, Name>();
  readonly #attributes = new Map<number, { path: string; node: Node; seen: Attributes }>();

  nameChanged(directory: number, name: string): void {
    if (this.#names.delete(`${directory}/${name}`)) this.forgotten += 1;
  }

  attributesChanged(ino: number): void {
    if (this.#attributes.delete(ino)) this.forgotten += 1;
  }

  /** Looks everything up that it does not know yet. */
  look(directory: Directory, path = ''): void {
    this.#remember(directory, path);
    for (const [name] of directory.list()) {
      const node = directory.lookup(name);
      if (!node) throw new Error(`${path}/${name} is listed and not there`);
      if (!node.revalidated) this.#rememberName(directory, { path, name, node: identity(node) });
      this.#remember(node, `${path}/${name}`);
      if (node.kind === 'directory') this.look(node, `${path}/${name}`);
    }
  }

  /** What it remembers and is not so, if anything. Directories that are gone are still looked into. */
  mistakes(): string[] {
    const names = [...this.#names.values()]
      .filter(({ directory, name, node }) => identity(directory.lookup(name)) !== node)
      .map(({ path, name }) => `the name ${path}/${name}`);
    const attributes = [...this.#attributes.values()]
      .filter(({ node, seen }) => JSON.stringify(node.attributes()) !== JSON.stringify(seen))
      .map(({ path }) => `the attributes of ${path}`);
    return [...names, ...attributes];
  }

  #remember(node: Node, path: string): void {
    if (node.revalidated || this.#attributes.has(node.ino)) return;
    this.#attributes.set(node.ino, { path, node, seen: node.attributes() });
  }

  #rememberName(directory: Directory, name: Omit<Name, 'directory'>): void {
    this.#names.set(`${directory.ino}/${name.name}`, { directory, ...name });
  }
}

function identity(node: Node | undefined): string {
  return node ? `${node.ino}.${node.generation ?? 0}` : 'none';
}

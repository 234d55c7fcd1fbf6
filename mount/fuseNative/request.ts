/**
 * How a request of fuse-native begins (at a node) and ends (with its client).
 *
 * A callback that throws would end the daemon, and one called twice would corrupt a thread of
 * libfuse for good: so each `done` passes through `once`, and what is done with a value is guarded.
 */
import { ERRNO } from '../../src/abi/errno.ts';
import type { Node } from '../../src/sysfs/node.ts';
import type { FileSystem } from '../fileSystem.ts';
import type { Reply } from '../reply.ts';
import type { Done } from './binding.ts';

/** Finds the node of a path, once, and goes on with it; otherwise the request ends with an errno. */
export function at<Values extends readonly unknown[]>(
  { fileSystem, path, callback }: { fileSystem: FileSystem; path: string; callback: Done<Values> },
  use: (node: Node, done: Done<Values>) => void,
): void {
  const done = once(callback);
  const names = path.split('/').filter((name) => name !== '');
  const arrived = to(fileSystem, done, (node: Node) => use(node, done));
  walk(fileSystem, fileSystem.root, names, arrived);
}

/** Gives a value to `use`; what goes wrong there is a bug, and EIO for the client. */
export function to<T>(fileSystem: FileSystem, done: Done, use: (value: T) => void): Reply<T> {
  return (result) => {
    if ('errno' in result) {
      done(result.errno);
      return;
    }
    try {
      use(result.value);
    } catch (error) {
      fileSystem.onBug(error);
      done(-ERRNO.EIO.number);
    }
  };
}

/** Calls back the first time only. */
export function once<Values extends readonly unknown[]>(done: Done<Values>): Done<Values> {
  let called = false;
  return (status, ...values) => {
    if (called) return;
    called = true;
    done(status, ...values);
  };
}

function walk(
  fileSystem: FileSystem,
  from: Node,
  names: readonly string[],
  reply: Reply<Node>,
): void {
  const [name, ...rest] = names;
  if (name === undefined) {
    reply({ value: from });
    return;
  }
  fileSystem.lookup(from, name, (found) => {
    if ('errno' in found) reply(found);
    else walk(fileSystem, found.value, rest, reply);
  });
}

/** The path of the directory that a path is in; the root's own is the root. */
export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** The last name of a path. */
export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * What stands between the kernel's FUSE protocol and a `FileSystem`.
 *
 * A transport mounts and serves; `session.ts` does what is the same for all of them: checks before
 * mounting, unmounting, watching.
 */
import type { TreeListener } from '../src/sysfs/node.ts';
import type { FileSystem } from './fileSystem.ts';

/** What a transport can do; where it cannot, klpfs differs from Linux. */
export interface Capabilities {
  /** poll(2) on files reaches us. */
  readonly poll: boolean;
  /** We can tell the kernel that something it caches has changed. */
  readonly invalidate: boolean;
  /** Requests say who asks. */
  readonly caller: boolean;
  /** We hear of signals to clients that wait for an answer. */
  readonly interrupt: boolean;
}

export interface MountOptions {
  /** Lets users other than the one who mounts see the mount. */
  readonly allowOther: boolean;
}

/** One live mount, as the transport knows it. */
export interface Connection {
  /** Resolves when the kernel has let go: unmounted, and the last open file closed. */
  readonly ended: Promise<void>;
  /** Makes the kernel forget what it remembers. Never waits; nothing where it remembers nothing. */
  readonly caches: TreeListener;
}

export interface Transport {
  readonly name: 'devfuse' | 'fuse-native';
  /** Who carries out mount(2) for it. */
  readonly way: string;
  readonly capabilities: Capabilities;
  /** What it lacks here; undefined: nothing that could be known before it mounts. */
  readonly missing: () => string | undefined;
  /** Mounts on an empty directory. Throws `MountError` when it cannot. */
  mount(directory: string, fileSystem: FileSystem, options: MountOptions): Promise<Connection>;
}

/** What can be asked for; `auto` is the best that works here. */
export const TRANSPORT_CHOICES = ['auto', 'devfuse', 'fuse-native'] as const;
export type TransportChoice = (typeof TRANSPORT_CHOICES)[number];

/** Who carries out mount(2) for us: the ways to a /dev/fuse that is mounted, the quickest first. */
import { mayMount, mayUseFusermount } from '../privileges.ts';
import type { MountOptions } from '../transport.ts';
import { mountByFusermount } from './byFusermount.ts';
import { mountByMount } from './byMount.ts';
import { findPython } from './python.ts';

export interface Way {
  readonly name: string;
  /** What it lacks here; undefined: nothing. */
  readonly missing: () => string | undefined;
  /** Mounts a device that this process has open; its descriptor. Throws `MountError`. */
  readonly mount: (directory: string, options: MountOptions) => Promise<number>;
}

export const WAYS: readonly Way[] = [
  {
    name: 'mount(8)',
    missing: () => (mayMount() ? undefined : 'root with CAP_SYS_ADMIN, as in `unshare -Urm`'),
    mount: mountByMount,
  },
  {
    name: 'fusermount3',
    missing: () => {
      if (!mayUseFusermount()) return 'a set-user-ID fusermount3 on the PATH that may become root';
      return findPython() ? undefined : 'python3 on the PATH';
    },
    mount: mountByFusermount,
  },
];

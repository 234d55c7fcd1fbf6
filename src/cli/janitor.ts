/**
 * Sees to it that a run leaves nothing behind, however it ends.
 *
 * A process of its own, in a session of its own: it holds one end of a pipe, we the other, and when
 * ours is closed, be it by SIGKILL, it takes away what it was told of.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { BEHIND_MERGED } from '../abi/mergedProc.ts';
import { BASH } from './namespaceScript.ts';

export interface Janitor {
  /** A directory that goes at the end, with `bin`, `machine` and `stage` in it. */
  readonly directory: string;
  /** A mount that goes at the end. `machine` always does. */
  unmountLater(directory: string): void;
  /**
   * For others who tell it things, as `KEY VALUE\0`: `namespace` is a process in a mount namespace of
   * its own, none of whose processes outlives the run.
   */
  readonly input: Writable;
  /** Resolves when everything has gone. */
  clean(): Promise<void>;
}

/**
 * What runs in the background of the command is asked to end, so that it can clean up in its turn,
 * and a second later it is not asked any more.
 */
const SCRIPT = `
trap '' TERM HUP INT  # A run within a run ends in order, too.
directory=$1 mount=$1/machine namespace=
proc=/proc
if [[ -e ${BEHIND_MERGED}/self ]]; then proc=${BEHIND_MERGED}; fi
while read -r -d '' key value; do
  case $key in
    mount) mount=$value ;;
    # Held open: the number of one that has gone is the next one's, which may be another run's.
    namespace) exec 9<"$proc/$value/ns/mnt" && namespace=$(stat -Lc %i "$proc/self/fd/9") ;;
  esac
done

members() {
  stat -Lc '%i %n' "$proc"/[0-9]*/ns/mnt 2>/dev/null | sed -n "s,^$namespace $proc/\\([0-9]*\\)/.*,\\1,p"
}
if [[ $namespace && $(members) ]]; then
  kill -TERM $(members); kill -CONT $(members)
  for ((i = 0; i < 50; i++)); do [[ $(members) ]] || break; sleep 0.02; done
  for ((i = 0; i < 50; i++)); do [[ $(members) ]] || break; kill -KILL $(members); sleep 0.02; done
fi
exec 9<&-  # Its mounts end with it.
fusermount -uz -- "$mount" || fusermount3 -uz -- "$mount"
rm -f -- "$directory"/bin/*
rmdir -- "$directory"/* "$directory"`;

export function startJanitor(): Janitor {
  // Made only when there is somebody to take it away.
  const directory = join(tmpdir(), `klpfs-run-${randomBytes(6).toString('hex')}`);
  const [bash, ...bashOptions] = BASH;
  const child = spawn(bash, [...bashOptions, SCRIPT, 'klpfs-run-janitor', directory], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  // Others than the one who runs it may use what is in it: the command may change its user.
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  for (const name of ['bin', 'machine', 'stage']) mkdirSync(join(directory, name));
  return {
    directory,
    unmountLater: (mount) => child.stdin.write(`mount ${mount}\0`),
    input: child.stdin,
    clean: () => {
      child.stdin.end();
      return ended;
    },
  };
}

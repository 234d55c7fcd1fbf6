/**
 * Looks at the files of a machine for a process that may be the one that serves them.
 *
 * That one must not look itself: killed in the middle, it would wait for its own answer for ever.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Kind } from './namespacePlan.ts';
import { BASH, CLOSE_DEVICE } from './namespaceScript.ts';

export interface Sight {
  /** What there is of the paths that were asked for. */
  readonly targets: ReadonlyMap<string, Kind>;
  /** What control/adopt says. */
  readonly adoption: string;
}

const SCRIPT = `${CLOSE_DEVICE}
read -r adoption <"$1/control/adopt"
printf '%s\\n' "$adoption"
for path in "\${@:2}"; do
  if [[ -d $1$path ]]; then echo "directory $path"; elif [[ -e $1$path ]]; then echo "file $path"; fi
done 2>/dev/null`;

export async function lookAtMachine(machine: string, paths: readonly string[]): Promise<Sight> {
  const [bash, ...options] = BASH;
  const words = [...options, SCRIPT, 'klpfs run', machine, ...paths];
  const { stdout } = await promisify(execFile)(bash, words);
  const [adoption = '', ...lines] = stdout.trimEnd().split('\n');
  const targets = lines.map((line): [string, Kind] => {
    const [kind, path = ''] = line.split(' ');
    return [path, kind === 'directory' ? 'directory' : 'file'];
  });
  return { targets: new Map(targets), adoption };
}

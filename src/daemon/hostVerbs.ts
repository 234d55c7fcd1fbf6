/** The verbs of control/ about processes of the host. */
import { RequestError, type Verb } from '../sysfs/controlFile.ts';
import type { HostProcesses } from './hostProcesses.ts';

/** `refusal`: why no process is adopted here, if none is. */
export function hostVerbs(
  host: Pick<HostProcesses, 'attach' | 'adopt'>,
  refusal: string | undefined,
): readonly Verb[] {
  return [
    {
      name: 'attach',
      show: () => 'write: PID of the host, to be listed in run/proc with its descendants\n',
      execute: (_kernel, request) => host.attach(pidOf(request)),
      maxBytes: PID_BYTES,
    },
    {
      name: 'adopt',
      show: () =>
        refusal === undefined
          ? 'write: PID of the host, to be a task of the machine with its descendants\n'
          : `refused: ${refusal}\n`,
      execute: (_kernel, request) => {
        if (refusal !== undefined) throw new RequestError('EOPNOTSUPP', refusal);
        host.adopt(pidOf(request));
      },
      maxBytes: PID_BYTES,
    },
  ];
}

const PID_BYTES = 64;

/** Which processes there are, and when each of them ends, is no input that could be repeated. */
const RECORDED = 'a machine that is recorded adopts no processes: the host decides what they do';

/** What a transport says of those who ask. */
export interface Asking {
  readonly transport: string;
  readonly tellsCaller: boolean;
}

/** Undefined: nothing is in the way. */
export function adoptionRefusal(
  { transport, tellsCaller }: Asking,
  isRecorded: boolean,
): string | undefined {
  if (isRecorded) return RECORDED;
  return tellsCaller ? undefined : `the transport ${transport} does not tell who asks`;
}

/** In a replay nobody looks at the host's processes. */
export const REPLAYED_HOST_VERBS: readonly Verb[] = hostVerbs(
  { attach: () => {}, adopt: () => {} },
  RECORDED,
);

function pidOf(request: string): number {
  const pid = /^[1-9]\d*$/.exec(request.trim())?.[0];
  if (pid === undefined) throw new RequestError('EINVAL', 'expected PID');
  return Number(pid);
}

/** `--log-access`: the daemon's log says who opens, reads and writes what. */
import { expect, test } from 'vitest';
import type { Caller } from '../../src/sysfs/node.ts';
import { TRANSPORT } from '../support/transport.ts';
import { mountMachine } from './mounted.ts';

const LOADED = 'release: "6.1"\ncpus: 1\nload: [livepatch-sample]\n';
const ENABLED = 'sys/kernel/livepatch/livepatch_sample/enabled';
const AS_NOBODY = 'setpriv --reuid=65534 --regid=65533 --clear-groups';

/** Of each line of the log about an access: what, of whom, and how it ended. */
async function accesses(command: string): Promise<unknown[]> {
  const { sh, log } = await mountMachine(LOADED, [], { logAccess: true });
  const { output } = await sh(command);
  const pids = new Map(
    [...output.matchAll(/(\w+)=(\d+)/g)].map(([, who, pid]) => [Number(pid), who]),
  );
  return log
    .filter(({ msg }) => msg === 'access')
    .map(({ access, path, caller, bytes, errno }) => {
      const { pid, uid, gid } = (caller ?? {}) as Partial<Caller>;
      const file = path === ENABLED ? 'enabled' : path;
      return [access, file, pids.get(Number(pid)), uid, gid, errno ?? bytes ?? 'ok'];
    });
}

const known = test.runIf(TRANSPORT.capabilities.caller);

known('each access is logged with its process, user and group, and how it ended', async () => {
  const script = `
    echo shell=$$; read value < $M/${ENABLED}; echo 1 > $M/${ENABLED}
    ${AS_NOBODY} bash -c 'echo other=$$; read value < $M/${ENABLED}; : < $M/dev/kmsg'; true`;

  expect(await accesses(script)).toEqual([
    ['open', 'enabled', 'shell', 0, 0, 'ok'],
    ['read', 'enabled', 'shell', 0, 0, 2],
    ['open', 'enabled', 'shell', 0, 0, 'ok'],
    ['write', 'enabled', 'shell', 0, 0, 'EINVAL'],
    ['open', 'enabled', 'other', 65534, 65533, 'ok'],
    ['read', 'enabled', 'other', 65534, 65533, 2],
    ['open', 'dev/kmsg', 'other', 65534, 65533, 'EPERM'],
  ]);
});

known('what takes its time is logged when it is over', async () => {
  const got = await accesses(`cat $M/proc/cmdline >/dev/null; echo 0 > $M/${ENABLED}`);

  expect(got.map((row) => (row as unknown[]).filter((_, column) => column !== 2))).toEqual([
    ['open', 'proc/cmdline', 0, 0, 'ok'],
    ['read', 'proc/cmdline', 0, 0, expect.any(Number)],
    ['read', 'proc/cmdline', 0, 0, 0],
    ['open', 'enabled', 0, 0, 'ok'],
    ['write', 'enabled', 0, 0, 2],
  ]);
});

test.skipIf(TRANSPORT.capabilities.caller)(
  'who it was is left out where nobody knows',
  async () => {
    expect(await accesses(`read value < $M/${ENABLED}`)).toEqual([
      ['open', 'enabled', undefined, undefined, undefined, 'ok'],
      ['read', 'enabled', undefined, undefined, undefined, 2],
    ]);
  },
);

/** What the server of devfuse answers and does, asked without a kernel. */
import { expect, test } from 'vitest';
import { OPCODE, OUT_HEADER } from '../../mount/wire/protocol.ts';
import { ERRNO, type ErrnoName } from '../../src/abi/errno.ts';
import { directory, file, sleepThen } from '../support/memoryTree.ts';
import { pretendedServer, request } from './pretendedServer.ts';

function errnoOf(reply: string): number {
  const bytes = Buffer.from(reply, 'hex');
  return OUT_HEADER.fields.error.get(new DataView(bytes.buffer, bytes.byteOffset), 0);
}

// After ENOSYS the kernel never asks again, for no file of the mount: only where that is meant.
// biome-ignore format: the columns are the point
test.each<[name: string, opcode: number, errno: ErrnoName]>([
  ['FLUSH',             OPCODE.FLUSH,     'ENOSYS'    ],
  ['FSYNC',             OPCODE.FSYNC,     'ENOSYS'    ],
  ['FSYNCDIR',          OPCODE.FSYNCDIR,  'ENOSYS'    ],
  ['ACCESS',            OPCODE.ACCESS,    'ENOSYS'    ],
  ['of a newer kernel', 4000,             'ENOSYS'    ],
  ['IOCTL',             OPCODE.IOCTL,     'ENOTTY'    ],
  ['FALLOCATE',         OPCODE.FALLOCATE, 'EOPNOTSUPP'],
  ['TMPFILE',           OPCODE.TMPFILE,   'EOPNOTSUPP'],
])('a request %s is refused, and for how long', (_name, opcode, errno) => {
  const { ask, bugs } = pretendedServer(directory());

  const replies = ask(request({ opcode, body: Buffer.alloc(64) }));

  expect(replies.map(errnoOf)).toEqual([-ERRNO[errno].number]);
  expect(bugs).toEqual([]);
});

test('when the mount is gone, whoever waits is interrupted, and what is open is released', () => {
  let released = 0;
  const slow = file('', {
    read: () => sleepThen(() => new Uint8Array(0)),
    release: () => {
      released += 1;
    },
  });
  const { server, ask, written, sleeping, bugs } = pretendedServer(directory({ slow }));
  ask(request({ opcode: OPCODE.LOOKUP, body: Buffer.from('slow\0') }));
  ask(request({ opcode: OPCODE.OPEN, nodeId: 2, body: Buffer.alloc(8) }));
  const reading = Buffer.alloc(40);
  reading.writeUInt32LE(1, 0);
  ask(request({ opcode: OPCODE.READ, nodeId: 2, body: reading }));
  expect(sleeping()).toBe(1);

  server.close();

  expect(sleeping()).toBe(0);
  expect(released).toBe(1);
  expect(written()).toEqual([]);
  expect(bugs).toEqual([]);
});

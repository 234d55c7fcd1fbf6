/**
 * What the kernel asked and we answered, byte for byte.
 *
 * `golden.jsonl` was recorded with strace on Linux 6.18 (x86_64, FUSE 7.45) from the descriptor of
 * `trialDaemon.ts` on /dev/fuse, while a client did what there is to do; the client's pid became 4242,
 * and a GETATTR that asks the same again was left out. No kernel is needed to replay it: the server
 * answers into a file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ATTR_OUT, ENTRY_OUT, OPCODE, OUT_HEADER } from '../../mount/wire/protocol.ts';
import { pretendedServer } from './pretendedServer.ts';
import { trialTree } from './trialTree.ts';

interface Exchange {
  readonly op: keyof typeof OPCODE;
  readonly request: string;
  readonly reply?: string;
}

const EXCHANGES: readonly Exchange[] = readFileSync(
  join(import.meta.dirname, 'golden.jsonl'),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

test('every recorded request gets the recorded answer', () => {
  const { ask, bugs } = pretendedServer(trialTree());

  const answered = EXCHANGES.map(({ op, request }) => {
    const replies = ask(Buffer.from(request, 'hex'));
    return { op, request, ...(replies.length > 0 && { reply: replies.join() }) };
  });

  expect(answered.map(withoutTimes)).toEqual(EXCHANGES.map(withoutTimes));
  expect(bugs).toEqual([]);
});

test('the recording has what clients make the kernel ask', () => {
  const recorded = new Set(EXCHANGES.map(({ op }) => op));
  // Not answered, or only asked for what we refuse whole.
  const others = ['FORGET', 'INTERRUPT', 'DESTROY', 'FSYNCDIR', 'ACCESS', 'IOCTL', 'RENAME2'];
  const never = ['FALLOCATE', 'TMPFILE'];
  const missing = Object.keys(OPCODE).filter((op) => !recorded.has(op as keyof typeof OPCODE));
  expect(missing.sort()).toEqual([...others, ...never].sort());
});

/** Times are those of the day: the tree's clock is the wall's. */
function withoutTimes(exchange: Exchange): Exchange {
  const struct = { GETATTR: ATTR_OUT, SETATTR: ATTR_OUT, LOOKUP: ENTRY_OUT }[
    exchange.op as 'LOOKUP'
  ];
  if (!struct || !exchange.reply) return exchange;
  const bytes = Buffer.from(exchange.reply, 'hex');
  if (bytes.length > OUT_HEADER.sizeBytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const time of ['atime', 'mtime', 'ctime'] as const) {
      struct.fields[time].set(view, OUT_HEADER.sizeBytes, 0);
      struct.fields[`${time}nsec`].set(view, OUT_HEADER.sizeBytes, 0);
    }
  }
  return { ...exchange, reply: bytes.toString('hex') };
}

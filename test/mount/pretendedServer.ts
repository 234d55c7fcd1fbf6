/** A server of FUSE requests whose /dev/fuse is a plain file: what it writes can be read there. */
import { closeSync, openSync, readFileSync, truncateSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createServer, type Server } from '../../mount/devfuse/server.ts';
import { FileSystem } from '../../mount/fileSystem.ts';
import { IN_HEADER } from '../../mount/wire/protocol.ts';
import type { Directory } from '../../src/sysfs/node.ts';
import { memoryRun } from '../support/memoryTree.ts';

export interface PretendedServer {
  readonly server: Server;
  /** Asks, and returns in hex what was written until then and not returned before. */
  readonly ask: (request: Buffer) => string[];
  readonly written: () => string[];
  readonly bugs: unknown[];
  /** How many requests wait. */
  readonly sleeping: () => number;
}

export function pretendedServer(root: Directory): PretendedServer {
  const path = join(tmpdir(), `klpfs-device-${process.pid}-${performance.now()}`);
  const fd = openSync(path, 'ax');
  onTestFinished(() => {
    closeSync(fd);
    unlinkSync(path);
  });
  const bugs: unknown[] = [];
  const { run, sleeping } = memoryRun();
  const server = createServer(new FileSystem(root, run, (error) => bugs.push(error)), fd);
  const written = () => {
    const bytes = readFileSync(path);
    truncateSync(path);
    return messagesIn(bytes).map((message) => message.toString('hex'));
  };
  return {
    server,
    ask: (request) => {
      request.copy(server.buffer);
      server.serve();
      return written();
    },
    written,
    bugs,
    sleeping,
  };
}

/** Each begins with its length. */
function messagesIn(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  const length = bytes.readUInt32LE(0);
  return [bytes.subarray(0, length), ...messagesIn(bytes.subarray(length))];
}

export interface Asked {
  readonly opcode: number;
  readonly nodeId?: number;
  readonly unique?: number;
  readonly body?: Uint8Array;
}

/** A request as the kernel writes it, of process 4242 of root. */
export function request({ opcode, nodeId = 1, unique = 2, body }: Asked): Buffer {
  const bytes = Buffer.alloc(IN_HEADER.sizeBytes + (body?.length ?? 0));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  IN_HEADER.set(view, 0, { len: bytes.length, opcode, unique, nodeid: nodeId, pid: 4242 });
  if (body) bytes.set(body, IN_HEADER.sizeBytes);
  return bytes;
}

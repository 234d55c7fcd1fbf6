/** Extended attributes. Source: fs/fuse/xattr.c. */
import { ERRNO } from '../../src/abi/errno.ts';
import type { Reply } from '../reply.ts';
import { GETXATTR_IN, GETXATTR_OUT, OPCODE, SETXATTR_IN } from '../wire/protocol.ts';
import { BODY } from './channel.ts';
import { ARGUMENTS, nameAt, type Request } from './request.ts';
import { nothing, type Operation, replyTo, type Served } from './served.ts';

const setxattr: Operation = (served, request) => {
  const start = ARGUMENTS + SETXATTR_IN.sizeBytes;
  const name = nameAt(request, start);
  const sizeBytes = SETXATTR_IN.fields.size.get(request.view, ARGUMENTS);
  const value = Uint8Array.from(request.bytes.subarray(request.end - sizeBytes, request.end));
  const flags = SETXATTR_IN.fields.flags.get(request.view, ARGUMENTS);
  const { node } = served.nodes.get(request.nodeId);
  served.fileSystem.setxattr(node, { name, value, flags }, replyTo(served, request, nothing));
};

const getxattr: Operation = (served, request) => {
  const name = nameAt(request, ARGUMENTS + GETXATTR_IN.sizeBytes);
  const { node } = served.nodes.get(request.nodeId);
  served.fileSystem.getxattr(node, name, replyInRoom(served, request));
};

const listxattr: Operation = (served, request) => {
  const { node } = served.nodes.get(request.nodeId);
  const reply = replyInRoom(served, request);
  served.fileSystem.listxattr(node, (names) =>
    reply(
      'errno' in names
        ? names
        : { value: Buffer.from(names.value.map((name) => `${name}\0`).join('')) },
    ),
  );
};

const removexattr: Operation = (served, request) => {
  const { node } = served.nodes.get(request.nodeId);
  const name = nameAt(request, ARGUMENTS);
  served.fileSystem.removexattr(node, name, replyTo(served, request, nothing));
};

export const XATTR_OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  [OPCODE.SETXATTR, setxattr],
  [OPCODE.GETXATTR, getxattr],
  [OPCODE.LISTXATTR, listxattr],
  [OPCODE.REMOVEXATTR, removexattr],
]);

/** A client without room asks for the size. ERANGE where the room is too small. */
function replyInRoom(served: Served, request: Request): Reply<Uint8Array> {
  const { channel } = served;
  const roomBytes = GETXATTR_IN.fields.size.get(request.view, ARGUMENTS);
  const told = replyTo(served, request, (value: Uint8Array) => {
    if (roomBytes === 0) {
      GETXATTR_OUT.set(channel.view, BODY, { size: value.length });
      return GETXATTR_OUT.sizeBytes;
    }
    channel.out.set(value, BODY);
    return value.length;
  });
  return (result) => {
    const isTooLarge = 'value' in result && roomBytes > 0 && result.value.length > roomBytes;
    told(isTooLarge ? { errno: -ERRNO.ERANGE.number } : result);
  };
}

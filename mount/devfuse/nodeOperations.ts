/** Names, attributes, links, and what the kernel remembers of them. Source: fs/fuse/dir.c. */
import type { Attributes, Node } from '../../src/sysfs/node.ts';
import type { FileSystemStatistics } from '../fileSystem.ts';
import {
  ATTR_OUT,
  BATCH_FORGET_IN,
  ENTRY_OUT,
  FORGET_IN,
  FORGET_ONE,
  OPCODE,
  STATFS_OUT,
} from '../wire/protocol.ts';
import { attributeChangeOf, toAttrOut, toEntryOut } from './attributes.ts';
import { BODY } from './channel.ts';
import { ARGUMENTS, nameAt } from './request.ts';
import { type Encode, nodeByNames, type Operation, replyTo, type Served } from './served.ts';

const lookup: Operation = (served, request) => {
  const { fileSystem, channel, nodes } = served;
  const parent = nodeByNames(served, request);
  if (!parent) return;
  const name = nameAt(request, ARGUMENTS);
  const found = replyTo(served, request, (node: Node) => {
    ENTRY_OUT.set(channel.view, BODY, toEntryOut(nodes.found(parent, name, node)));
    return ENTRY_OUT.sizeBytes;
  });
  fileSystem.lookup(parent.node, name, found);
};

const getattr: Operation = (served, request) => {
  const { node } = served.nodes.get(request.nodeId);
  served.fileSystem.getattr(node, replyTo(served, request, putAttributes(served, node)));
};

const setattr: Operation = (served, request) => {
  const { node } = served.nodes.get(request.nodeId);
  const changed = replyTo(served, request, putAttributes(served, node));
  served.fileSystem.setattr(node, attributeChangeOf(request), changed);
};

function putAttributes({ channel }: Served, node: Node): Encode<Attributes> {
  return (attributes) => {
    ATTR_OUT.set(channel.view, BODY, toAttrOut(node, attributes));
    return ATTR_OUT.sizeBytes;
  };
}

const readlink: Operation = (served, request) => {
  const { node } = served.nodes.get(request.nodeId);
  const { channel } = served;
  const read = replyTo(served, request, (target: string) => channel.out.write(target, BODY));
  served.fileSystem.readlink(node, read, request.caller);
};

const statfs: Operation = (served, request) => {
  const told = replyTo(
    served,
    request,
    ({ blockSizeBytes, nameLengthBytes }: FileSystemStatistics) => {
      STATFS_OUT.set(served.channel.view, BODY, {
        bsize: blockSizeBytes,
        frsize: blockSizeBytes,
        namelen: nameLengthBytes,
      });
      return STATFS_OUT.sizeBytes;
    },
  );
  served.fileSystem.statfs(told);
};

/** Not answered. */
const forget: Operation = ({ nodes }, { nodeId, view }) => {
  nodes.forget(nodeId, FORGET_IN.fields.nlookup.get(view, ARGUMENTS));
};

/** Not answered. */
const batchForget: Operation = ({ nodes }, { view }) => {
  const count = BATCH_FORGET_IN.fields.count.get(view, ARGUMENTS);
  for (let index = 0; index < count; index += 1) {
    const at = ARGUMENTS + BATCH_FORGET_IN.sizeBytes + index * FORGET_ONE.sizeBytes;
    nodes.forget(FORGET_ONE.fields.nodeid.get(view, at), FORGET_ONE.fields.nlookup.get(view, at));
  }
};

export const NODE_OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  [OPCODE.LOOKUP, lookup],
  [OPCODE.GETATTR, getattr],
  [OPCODE.SETATTR, setattr],
  [OPCODE.READLINK, readlink],
  [OPCODE.STATFS, statfs],
  [OPCODE.FORGET, forget],
  [OPCODE.BATCH_FORGET, batchForget],
]);

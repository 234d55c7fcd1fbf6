/** Changes of names, all of which are refused. Source: fs/fuse/dir.c. */
import type { NamespaceOperation } from '../refusals.ts';
import {
  CREATE_IN,
  LINK_IN,
  MKDIR_IN,
  MKNOD_IN,
  OPCODE,
  RENAME_IN,
  RENAME2_IN,
} from '../wire/protocol.ts';
import { ARGUMENTS, nameAt } from './request.ts';
import { nothing, type Operation, replyTo } from './served.ts';

/** How many bytes stand before the name that is refused; for rename it is the old one. */
// biome-ignore format: the columns are the point
const ROWS: readonly (readonly [opcode: number, operation: NamespaceOperation, before: number])[] = [
  [OPCODE.CREATE,  'create',  CREATE_IN.sizeBytes],
  [OPCODE.MKNOD,   'mknod',   MKNOD_IN.sizeBytes],
  [OPCODE.MKDIR,   'mkdir',   MKDIR_IN.sizeBytes],
  [OPCODE.SYMLINK, 'symlink', 0],
  [OPCODE.LINK,    'link',    LINK_IN.sizeBytes],
  [OPCODE.UNLINK,  'unlink',  0],
  [OPCODE.RMDIR,   'rmdir',   0],
  [OPCODE.RENAME,  'rename',  RENAME_IN.sizeBytes],
  [OPCODE.RENAME2, 'rename',  RENAME2_IN.sizeBytes],
];

export const NAME_OPERATIONS: ReadonlyMap<number, Operation> = new Map(
  ROWS.map(([opcode, operation, before]) => [
    opcode,
    (served, request) => {
      const { fileSystem, nodes } = served;
      const name = nameAt(request, ARGUMENTS + before);
      const { node } = nodes.get(request.nodeId);
      fileSystem.refuse(operation, node, name, replyTo(served, request, nothing));
    },
  ]),
);

/** Takes back what the kernel remembers, as far as it remembers it. */
import type { TreeListener } from '../../src/sysfs/node.ts';
import { NOTIFY, NOTIFY_INVAL_ENTRY_OUT, NOTIFY_INVAL_INODE_OUT } from '../wire/protocol.ts';
import type { Channel } from './channel.ts';
import type { Known, NodeTable } from './nodeTable.ts';
import { noticeOf } from './notice.ts';

/** No contents are remembered, so only attributes go. Source: fuse_reverse_inval_inode(). */
const ATTRIBUTES_ONLY = -1;

/**
 * A directory is taken back before what was in it: where a name is gone from a directory that is
 * still there, creating it is EACCES; where the directory is gone, ENOENT.
 */
export function cachesOf(nodes: NodeTable, channel: Channel): TreeListener {
  return {
    nameChanged(directory, name) {
      for (const parent of nodes.withIno(directory)) {
        if (nodes.takeBack(parent, name)) channel.notify(nameNotice(parent, name));
      }
    },
    attributesChanged(ino) {
      for (const known of nodes.withIno(ino)) channel.notify(attributesNotice(known));
    },
  };
}

function nameNotice({ id, depth }: Known, name: string) {
  const text = Buffer.from(`${name}\0`);
  const values = { parent: id, namelen: text.length - 1 };
  const told = { code: NOTIFY.INVAL_ENTRY, body: NOTIFY_INVAL_ENTRY_OUT, values, name: text };
  return noticeOf(told, depth);
}

function attributesNotice({ id, depth }: Known) {
  const values = { ino: id, off: ATTRIBUTES_ONLY };
  const told = { code: NOTIFY.INVAL_INODE, body: NOTIFY_INVAL_INODE_OUT, values };
  return noticeOf(told, depth);
}

/** Takes back what the kernel remembers, as far as it remembers it. */
import type { TreeListener } from '../../src/sysfs/node.ts';
import { NOTIFY, NOTIFY_INVAL_ENTRY_OUT, NOTIFY_INVAL_INODE_OUT } from '../wire/protocol.ts';
import type { Channel } from './channel.ts';
import type { NodeTable } from './nodeTable.ts';
import { noticeOf } from './notice.ts';

/** No contents are remembered, so only attributes go. Source: fuse_reverse_inval_inode(). */
const ATTRIBUTES_ONLY = -1;

export function cachesOf(nodes: NodeTable, channel: Channel): TreeListener {
  return {
    nameChanged(directory, name) {
      for (const parent of nodes.withIno(directory)) {
        if (!nodes.takeBack(parent, name)) continue;
        const text = Buffer.from(`${name}\0`);
        const values = { parent: parent.id, namelen: text.length - 1 };
        channel.notify(noticeOf(NOTIFY.INVAL_ENTRY, NOTIFY_INVAL_ENTRY_OUT, values, text));
      }
    },
    attributesChanged(ino) {
      for (const { id } of nodes.withIno(ino)) {
        const values = { ino: id, off: ATTRIBUTES_ONLY };
        channel.notify(noticeOf(NOTIFY.INVAL_INODE, NOTIFY_INVAL_INODE_OUT, values));
      }
    },
  };
}

/**
 * What the kernel remembers, and how it is made to forget: names and attributes are asked for once,
 * and whatever changes is seen at once all the same.
 */
import { expect, test } from 'vitest';
import { OPCODE } from '../../mount/wire/protocol.ts';
import type { Node } from '../../src/sysfs/node.ts';
import { until } from '../support/clients.ts';
import { directory, file, type MemoryDirectory } from '../support/memoryTree.ts';
import { TRANSPORT } from '../support/transport.ts';
import { type MountedTree, mounted } from './mounted.ts';
import { pretendedServer, request } from './pretendedServer.ts';

/** A directory that others hear of, and how often it was asked for a name. */
function told(entries: Readonly<Record<string, Node>>) {
  const counts = { lookups: 0, attributes: 0 };
  const inner = remembered(directory(entries));
  const node: MemoryDirectory = {
    ...inner,
    lookup: (name) => {
      counts.lookups += 1;
      return inner.lookup(name);
    },
    attributes: () => {
      counts.attributes += 1;
      return inner.attributes();
    },
  };
  return { node, counts };
}

function remembered<N extends Node>(node: N): N {
  const { revalidated: _, ...rest } = node;
  return rest as N;
}

const remembering = test.runIf(TRANSPORT.capabilities.invalidate);

remembering('a name is looked up once, and its attributes are asked for once', async () => {
  const { node, counts } = told({ file: remembered(file('1\n')) });
  const { sh } = await mounted(remembered(directory({ dir: node })));

  const { output } = await sh(
    'for i in {1..50}; do cat $MNT/dir/file; stat $MNT/dir; done | uniq | head -1',
  );

  expect(output).toBe('1\n');
  expect(counts.lookups).toBe(1);
  expect(counts.attributes).toBeLessThanOrEqual(2);
});

remembering('a name that is not there is not remembered', async () => {
  const { node } = told({});
  const { sh } = await mounted(remembered(directory({ dir: node })));

  const client = sh('ls $MNT/dir/late; until [ -e $MNT/dir/late ]; do :; done; cat $MNT/dir/late');
  await new Promise((resolve) => setTimeout(resolve, 100));
  node.names.set('late', remembered(file('here\n')));

  expect((await client).output).toBe('here\n');
});

/** A file that takes a name away and puts it back; who writes to it is answered when it is told. */
function switchTree(tree: () => MountedTree) {
  const { node } = told({ flag: remembered(file('1\n')) });
  let made = 0;
  const write = (_offset: number, data: Uint8Array) => {
    const { caches } = tree().session;
    if (data[0] === 0x30) {
      node.names.delete('flag');
      caches.nameChanged(node.ino, 'flag');
    } else {
      made += 1;
      node.names.set('flag', remembered(file(`${made}\n`)));
    }
    caches.attributesChanged(node.ino);
    return data.length;
  };
  return remembered(directory({ dir: node, switch: file('', { write }) }));
}

remembering(
  'who has seen a name go, does not find it again, however hard others look',
  async () => {
    const tree = await mounted(switchTree(() => tree));
    const hammer =
      'while [ -e $MNT/switch ] && [ ! -e $STOP ]; do ls -l $MNT/dir $MNT/dir/flag; done';

    const { output, errors } = await tree.sh(`
    STOP=$(mktemp -u)
    for i in 1 2 3; do { ${hammer}; } >/dev/null 2>&1 & done
    for i in {1..300}; do
      echo 0 > $MNT/switch; [ -e $MNT/dir/flag ] && echo "found in round $i"
      echo 1 > $MNT/switch; [ -e $MNT/dir/flag ] || echo "missing in round $i"
    done
    touch $STOP; wait; rm $STOP; echo done`);

    expect({ output, errors }).toEqual({ output: 'done\n', errors: '' });
    expect(tree.bugs).toEqual([]);
  },
);

remembering('an open file stays itself when another one gets its name', async () => {
  const tree = await mounted(switchTree(() => tree));

  const { output } = await tree.sh(`
    echo 0 > $MNT/switch; echo 1 > $MNT/switch
    exec 3< $MNT/dir/flag
    echo 0 > $MNT/switch; echo 1 > $MNT/switch
    cat $MNT/dir/flag; cat <&3`);

  expect(output).toBe('2\n1\n');
});

/** A server whose kernel knows `outer/inner/flag`, nodes 2, 3 and 4. */
function serverOfThree() {
  const flag = remembered(file('1\n'));
  const inner = remembered(directory({ flag }));
  const outer = remembered(directory({ inner }));
  const pretended = pretendedServer(remembered(directory({ outer })));
  const lookUp = (nodeId: number, name: string) =>
    pretended.ask(request({ opcode: OPCODE.LOOKUP, nodeId, body: Buffer.from(`${name}\0`) }));
  lookUp(1, 'outer');
  lookUp(2, 'inner');
  lookUp(3, 'flag');
  return { ...pretended, lookUp, flag, inner, outer };
}

const hex = (text: string) => Buffer.from(text).toString('hex');

test('a directory goes before what is in it', async () => {
  const { server, written, inner, outer } = serverOfThree();

  // The innermost first, as the kernel's objects go.
  server.caches.nameChanged(inner.ino, 'flag');
  server.caches.nameChanged(outer.ino, 'inner');

  const notices: string[] = [];
  await until(() => notices.push(...written()) === 2);
  expect(notices.map((notice) => notice.includes(hex('inner\0')))).toEqual([true, false]);
});

test('until the kernel has heard, what it names by a name that is gone is stale', async () => {
  const { server, ask, written, lookUp, inner, outer } = serverOfThree();
  const ESTALE = Buffer.alloc(4);
  ESTALE.writeInt32LE(-116);
  const open = () => ask(request({ opcode: OPCODE.OPEN, nodeId: 4, body: Buffer.alloc(8) }));

  server.caches.nameChanged(outer.ino, 'inner');
  inner.names.clear();
  expect(open().join()).toContain(ESTALE.toString('hex'));
  expect(lookUp(3, 'flag').join()).toContain(ESTALE.toString('hex'));
  await until(() => written().length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));

  // It may still have a file open, or stand in a directory.
  expect(open().join()).not.toContain(ESTALE.toString('hex'));
  expect(lookUp(3, 'flag').join()).not.toContain(ESTALE.toString('hex'));
});

test('what the kernel has forgotten is not kept, and not taken back', () => {
  const inner = remembered(file('1\n'));
  const root = remembered(directory({ inner }));
  const { server, ask, written } = pretendedServer(root);
  const name = Buffer.from('inner\0');
  const lookUp = () => ask(request({ opcode: OPCODE.LOOKUP, body: name }));
  const forget = (nlookup: number) => {
    const body = Buffer.alloc(8);
    body.writeBigUInt64LE(BigInt(nlookup));
    return ask(request({ opcode: OPCODE.FORGET, nodeId: 2, body }));
  };
  lookUp();
  lookUp();

  expect(server.knownNodes()).toBe(2);
  forget(1);
  expect(server.knownNodes()).toBe(2);
  forget(1);
  expect(server.knownNodes()).toBe(1);
  server.caches.nameChanged(root.ino, 'inner');
  server.caches.attributesChanged(inner.ino);
  expect(written()).toEqual([]);
});

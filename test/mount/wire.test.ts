/** The layouts of FUSE's messages are those of the kernel's header. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import * as protocol from '../../mount/wire/protocol.ts';
import { type Layout, type Struct, struct } from '../../mount/wire/struct.ts';
import { run } from '../support/clients.ts';

/** What the header calls them; of these, some that have grown are spoken as they were at first. */
const STRUCTS: readonly (readonly [name: string, struct: Struct<Layout>, grown?: 'grown'])[] = [
  ['fuse_in_header', protocol.IN_HEADER],
  ['fuse_out_header', protocol.OUT_HEADER],
  ['fuse_init_in', protocol.INIT_IN, 'grown'],
  ['fuse_init_out', protocol.INIT_OUT],
  ['fuse_entry_out', protocol.ENTRY_OUT],
  ['fuse_attr_out', protocol.ATTR_OUT],
  ['fuse_forget_in', protocol.FORGET_IN],
  ['fuse_batch_forget_in', protocol.BATCH_FORGET_IN],
  ['fuse_forget_one', protocol.FORGET_ONE],
  ['fuse_setattr_in', protocol.SETATTR_IN],
  ['fuse_open_in', protocol.OPEN_IN],
  ['fuse_open_out', protocol.OPEN_OUT],
  ['fuse_release_in', protocol.RELEASE_IN, 'grown'],
  ['fuse_read_in', protocol.READ_IN],
  ['fuse_write_in', protocol.WRITE_IN],
  ['fuse_write_out', protocol.WRITE_OUT],
  ['fuse_dirent', protocol.DIRENT],
  ['fuse_statfs_out', protocol.STATFS_OUT],
  ['fuse_create_in', protocol.CREATE_IN],
  ['fuse_mknod_in', protocol.MKNOD_IN],
  ['fuse_mkdir_in', protocol.MKDIR_IN],
  ['fuse_link_in', protocol.LINK_IN],
  ['fuse_rename_in', protocol.RENAME_IN],
  ['fuse_rename2_in', protocol.RENAME2_IN],
  ['fuse_setxattr_in', protocol.SETXATTR_IN, 'grown'],
  ['fuse_getxattr_in', protocol.GETXATTR_IN],
  ['fuse_getxattr_out', protocol.GETXATTR_OUT],
  ['fuse_interrupt_in', protocol.INTERRUPT_IN],
  ['fuse_poll_in', protocol.POLL_IN],
  ['fuse_poll_out', protocol.POLL_OUT],
  ['fuse_notify_poll_wakeup_out', protocol.NOTIFY_POLL_OUT],
  ['fuse_notify_inval_inode_out', protocol.NOTIFY_INVAL_INODE_OUT],
  ['fuse_notify_inval_entry_out', protocol.NOTIFY_INVAL_ENTRY_OUT],
];

/** Structs of the header that stand in others, and which fields those have besides. */
const NESTED: Readonly<Record<string, { readonly member: string; readonly own: RegExp }>> = {
  fuse_entry_out: { member: 'attr', own: /^(nodeid|generation|(entry|attr)_valid(_nsec)?)$/ },
  fuse_attr_out: { member: 'attr', own: /^(attr_valid(_nsec)?|dummy)$/ },
  fuse_statfs_out: { member: 'st', own: /^$/ },
};
/** What we give names that C has none for. */
const UNNAMED = /^(unused|spare)\d$/;

/** By the prefix that the header gives them. */
const NUMBERS = {
  FUSE_: {
    ...protocol.OPCODE,
    ROOT_ID: protocol.ROOT_ID,
    ...protocol.INIT_FLAG,
    POLL_SCHEDULE_NOTIFY: protocol.POLL_SCHEDULE_NOTIFY,
  },
  FUSE_NOTIFY_: protocol.NOTIFY,
  FOPEN_: protocol.FOPEN,
  FATTR_: protocol.FATTR,
};

test('structs and numbers are those of linux/fuse.h', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'klpfs-wire-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const rows = [...STRUCTS.flatMap(rowsOf), ...Object.entries(NUMBERS).flatMap(numbersOf)];
  const lines = rows.map(([expression]) => `printf("%lld\\n", (long long)(${expression}));`);
  const source = [
    ...['linux/fuse.h', 'stddef.h', 'stdio.h'].map((name) => `#include <${name}>`),
    'int main(void) {',
    ...lines,
    '}',
  ];
  await writeFile(join(folder, 'layout.c'), source.join('\n'));
  const compiled = await run('gcc', ['-w', '-o', join(folder, 'layout'), join(folder, 'layout.c')]);
  expect(compiled.errors).toBe('');

  const { output } = await run(join(folder, 'layout'), []);

  const values = output.trimEnd().split('\n').map(Number);
  expect(rows.map(([expression], row) => [expression, values[row]])).toEqual(rows);
});

type Row = readonly [expression: string, value: number];

function rowsOf([name, { sizeBytes, fields }, grown]: (typeof STRUCTS)[number]): Row[] {
  const ofFields = Object.keys(fields)
    .filter((field) => !UNNAMED.test(field))
    .map((field): Row => [memberOf(name, field), offsetOf(fields, field)]);
  return grown ? ofFields : [[`sizeof(struct ${name})`, sizeBytes], ...ofFields];
}

function memberOf(name: string, field: string): string {
  const { member, own } = NESTED[name] ?? { member: '', own: /./ };
  return `offsetof(struct ${name}, ${own.test(field) ? field : `${member}.${field}`})`;
}

/** Where a 1 that is written to a field appears. */
function offsetOf(fields: Struct<Layout>['fields'], field: string): number {
  const bytes = new Uint8Array(256);
  fields[field]?.set(new DataView(bytes.buffer), 0, 1);
  return bytes.indexOf(1);
}

function numbersOf([prefix, numbers]: [string, Readonly<Record<string, number>>]): Row[] {
  return Object.entries(numbers).map(([name, value]) => [`${prefix}${name}`, value]);
}

const ALL_TYPES = struct({ a: 'u64', b: 'i64', c: 'u32', d: 'i32', e: 'u16', f: 'u16', g: 'u32' });
const upTo = (bits: number) => fc.maxSafeNat().map((number) => number % 2 ** bits);

test('what is set is got, and nothing else changes', () => {
  const values = fc.record({
    a: fc.maxSafeNat(),
    b: fc.maxSafeInteger(),
    c: upTo(32),
    d: fc.integer(),
    e: upTo(16),
    f: upTo(16),
    g: upTo(32),
  });
  fc.assert(
    fc.property(values, fc.nat(16), (given, base) => {
      const bytes = new Uint8Array(base + ALL_TYPES.sizeBytes + 8).fill(0xaa);
      const view = new DataView(bytes.buffer);
      ALL_TYPES.set(view, base, given);
      const got = Object.entries(ALL_TYPES.fields).map(([name, field]) => [
        name,
        field.get(view, base),
      ]);
      expect(Object.fromEntries(got)).toEqual(given);
      const around = [...bytes.subarray(0, base), ...bytes.subarray(base + ALL_TYPES.sizeBytes)];
      expect(new Set(around)).toEqual(new Set([0xaa]));
    }),
  );
});

test('fields that are left out are zero, and a field off its alignment is refused', () => {
  const bytes = new Uint8Array(8).fill(0xff);
  struct({ a: 'u32', b: 'u32' }).set(new DataView(bytes.buffer), 0, { b: 0x01020304 });

  expect([...bytes]).toEqual([0, 0, 0, 0, 4, 3, 2, 1]);
  expect(() => struct({ a: 'u32', b: 'u64' })).toThrow('b is not aligned');
});

/**
 * Layouts of C structs as data: a field is a name and a type, in the order of the header file.
 *
 * Numbers are little-endian and aligned to their size, which FUSE's structs are without gaps. 64-bit
 * numbers become floats: those that FUSE counts with stay far below 2^53.
 */
import { assert } from '../../src/abi/errno.ts';

const TYPES = {
  u16: {
    sizeBytes: 2,
    get: (view: DataView, at: number) => view.getUint16(at, true),
    set: (view: DataView, at: number, value: number) => view.setUint16(at, value, true),
  },
  u32: {
    sizeBytes: 4,
    get: (view: DataView, at: number) => view.getUint32(at, true),
    set: (view: DataView, at: number, value: number) => view.setUint32(at, value, true),
  },
  i32: {
    sizeBytes: 4,
    get: (view: DataView, at: number) => view.getInt32(at, true),
    set: (view: DataView, at: number, value: number) => view.setInt32(at, value, true),
  },
  u64: { sizeBytes: 8, get: getU64, set: setU64 },
  i64: {
    sizeBytes: 8,
    get: (view: DataView, at: number) => Number(view.getBigInt64(at, true)),
    set: (view: DataView, at: number, value: number) => view.setBigInt64(at, BigInt(value), true),
  },
} as const;

type TypeName = keyof typeof TYPES;
export type Layout = Readonly<Record<string, TypeName>>;

/** One field: `base` is where its struct begins. */
export interface Field {
  readonly get: (view: DataView, base: number) => number;
  readonly set: (view: DataView, base: number, value: number) => void;
}

/** What fields are set to; those left out are 0. */
export type Values<L extends Layout> = { readonly [Name in keyof L]?: number };

export interface Struct<L extends Layout> {
  readonly sizeBytes: number;
  readonly fields: { readonly [Name in keyof L]: Field };
  /** Sets every field. */
  readonly set: (view: DataView, base: number, values: Values<L>) => void;
}

export type ValuesOf<S> = S extends Struct<infer L> ? Values<L> : never;

/** Lays fields out one after the other. */
export function struct<const L extends Layout>(layout: L): Struct<L> {
  let sizeBytes = 0;
  const fields = {} as Record<keyof L, Field>;
  for (const name of Object.keys(layout) as (keyof L)[]) {
    const type = TYPES[layout[name] as TypeName];
    assert(sizeBytes % type.sizeBytes === 0, `${String(name)} is not aligned`);
    fields[name] = fieldAt(type, sizeBytes);
    sizeBytes += type.sizeBytes;
  }
  const all = Object.entries<Field>(fields);
  return {
    sizeBytes,
    fields,
    set: (view, base, values) => {
      for (const [name, field] of all) field.set(view, base, values[name] ?? 0);
    },
  };
}

function fieldAt({ get, set }: (typeof TYPES)[TypeName], at: number): Field {
  return {
    get: (view, base) => get(view, base + at),
    set: (view, base, value) => set(view, base + at, value),
  };
}

function getU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

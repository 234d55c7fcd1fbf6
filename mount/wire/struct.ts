/**
 * Layouts of C structs as data: a field is a name and a type, in the order of the header file.
 *
 * Numbers are little-endian and aligned to their size, which FUSE's structs are without gaps. 64-bit
 * numbers become floats: those that FUSE counts with stay far below 2^53.
 */
import { assert } from '../../src/abi/errno.ts';

/** One field: `base` is where its struct begins. */
export interface Field {
  readonly get: (view: DataView, base: number) => number;
  readonly set: (view: DataView, base: number, value: number) => void;
}

interface Type {
  readonly sizeBytes: number;
  readonly fieldAt: (at: number) => Field;
}

/** Each has functions of its own, so that V8 can put them where they are called. */
const TYPES = {
  u16: {
    sizeBytes: 2,
    fieldAt: (at) => ({
      get: (view, base) => view.getUint16(base + at, true),
      set: (view, base, value) => view.setUint16(base + at, value, true),
    }),
  },
  u32: {
    sizeBytes: 4,
    fieldAt: (at) => ({
      get: (view, base) => view.getUint32(base + at, true),
      set: (view, base, value) => view.setUint32(base + at, value, true),
    }),
  },
  i32: {
    sizeBytes: 4,
    fieldAt: (at) => ({
      get: (view, base) => view.getInt32(base + at, true),
      set: (view, base, value) => view.setInt32(base + at, value, true),
    }),
  },
  u64: {
    sizeBytes: 8,
    fieldAt: (at) => ({
      get: (view, base) =>
        view.getUint32(base + at + 4, true) * 2 ** 32 + view.getUint32(base + at, true),
      set: (view, base, value) => {
        view.setUint32(base + at, value % 2 ** 32, true);
        view.setUint32(base + at + 4, Math.floor(value / 2 ** 32), true);
      },
    }),
  },
  i64: {
    sizeBytes: 8,
    fieldAt: (at) => ({
      get: (view, base) => Number(view.getBigInt64(base + at, true)),
      set: (view, base, value) => view.setBigInt64(base + at, BigInt(value), true),
    }),
  },
} as const satisfies Readonly<Record<string, Type>>;

type TypeName = keyof typeof TYPES;
export type Layout = Readonly<Record<string, TypeName>>;

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
    const type: Type = TYPES[layout[name] as TypeName];
    assert(sizeBytes % type.sizeBytes === 0, `${String(name)} is not aligned`);
    fields[name] = type.fieldAt(sizeBytes);
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

/** Module parameters as descriptions and manifests write them. */
import * as z from 'zod';
import type { ParameterDefinition } from '../engine/module/model.ts';
import { integer, line, mapping } from './schema.ts';

const INT_MAX = 2 ** 31 - 1;
/** Source: include/linux/kernel.h:VERIFY_OCTAL_PERMISSIONS(). */
const WRITABLE_BY_OTHERS = 0o002;

const modeError = 'must be a string of octal digits such as "0644", not writable by others';
const mode = z
  .string({ error: modeError })
  .refine(
    (text) => /^0?[0-7]{1,3}$/.test(text) && (Number.parseInt(text, 8) & WRITABLE_BY_OTHERS) === 0,
    { error: modeError },
  );

const parameter = z.discriminatedUnion(
  'type',
  [
    mapping({
      type: z.literal('int'),
      default: integer(-INT_MAX - 1, INT_MAX).optional(),
      mode: mode.optional(),
    }),
    mapping({ type: z.literal('bool'), default: z.boolean().optional(), mode: mode.optional() }),
    mapping({ type: z.literal('string'), default: line.optional(), mode: mode.optional() }),
  ],
  {
    error: ({ input }) =>
      input !== null && typeof input === 'object' ? 'must be one of int, bool, string' : undefined,
  },
);

/** The name of a parameter or a variable. */
export const identifier = z
  .string()
  .regex(/^[A-Za-z_]\w*$/, { error: 'must have letters, digits and _ only' });

/** By name. */
export const parameters = z.record(identifier, parameter);

type ParameterDescription = z.output<typeof parameter>;

/** Without a default it is 0, false or empty; without a mode everybody can read its file. */
export function toParameters(
  described: Readonly<Record<string, ParameterDescription>> | undefined,
): ParameterDefinition[] {
  const empty = { int: 0, bool: false, string: '' } as const;
  return Object.entries(described ?? {}).map(([name, { type, default: initial, mode: octal }]) => ({
    name,
    type,
    default: initial ?? empty[type],
    mode: Number.parseInt(octal ?? '0444', 8),
  }));
}

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

const ELEMENTS_MAX = 1024;
const most = integer(1, ELEMENTS_MAX).optional();

/** One value, or a list for a parameter that has `most`. */
const oneOrList = <Value extends z.ZodType>(value: Value, error: string) =>
  z.union([value, z.array(value).max(ELEMENTS_MAX)], { error }).optional();

const parameter = z.discriminatedUnion(
  'type',
  [
    mapping({
      type: z.literal('int'),
      most,
      default: oneOrList(
        integer(-INT_MAX - 1, INT_MAX),
        `must be an integer from ${-INT_MAX - 1} to ${INT_MAX}`,
      ),
      mode: mode.optional(),
    }),
    mapping({
      type: z.literal('bool'),
      most,
      default: oneOrList(z.boolean(), 'must be true or false'),
      mode: mode.optional(),
    }),
    mapping({
      type: z.literal('string'),
      most,
      default: oneOrList(line, 'must be a string'),
      mode: mode.optional(),
    }),
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

type ParameterDescription = z.output<typeof parameter>;

const ONE_OR_LIST =
  'must be a list if the parameter has `most`, of at most so many; else one value';

/** By name. */
export const parameters = z.record(
  identifier,
  parameter.refine(isOneOrFittingList, { path: ['default'], error: ONE_OR_LIST }),
);

function isOneOrFittingList({ most: limit, default: initial }: ParameterDescription): boolean {
  if (initial === undefined) return true;
  return limit === undefined
    ? !Array.isArray(initial)
    : Array.isArray(initial) && initial.length <= limit;
}

/** Without a default it is 0, false or empty; without a mode everybody can read its file. */
export function toParameters(
  described: Readonly<Record<string, ParameterDescription>> | undefined,
): ParameterDefinition[] {
  const empty = { int: 0, bool: false, string: '' } as const;
  return Object.entries(described ?? {}).map(
    ([name, { type, most: limit, default: initial, mode: octal }]) => ({
      name,
      type,
      ...(limit === undefined ? {} : { most: limit }),
      default: initial ?? (limit === undefined ? empty[type] : []),
      mode: Number.parseInt(octal ?? '0444', 8),
    }),
  );
}

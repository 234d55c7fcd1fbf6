/** What callbacks and functions of manifests do, in words: a list of actions, one after the other. */
import * as z from 'zod';
import { durationProblem } from './duration.ts';
import { errnoNumber } from './errnoWord.ts';
import { exactlyOneOf, integer, line, mapping, name } from './schema.ts';

const INT_MAX = 2 ** 31 - 1;
const ID_MAX = Number.MAX_SAFE_INTEGER;

export const FOREVER = 'forever';

const sleep = z.custom<string>((value) => value === FOREVER || !durationProblem(value), {
  error: ({ input }) => durationProblem(input)?.replace('must be', `must be ${FOREVER}, or`),
});

const VALUE = `must be an integer from ${-INT_MAX - 1} to ${INT_MAX}, or $NAME`;

/** A variable or parameter of the module. */
const reference = /^\$[A-Za-z_]\w*$/;

/** An integer, or what a variable or parameter is at that time. */
export const value = z.custom<number | string>(
  (written) => (typeof written === 'string' ? reference.test(written) : isInt(written)),
  { error: ({ input }) => (input === undefined ? undefined : VALUE) },
);

function isInt(written: unknown): boolean {
  return Number.isInteger(written) && Number(written) >= -INT_MAX - 1 && Number(written) <= INT_MAX;
}

const errno = z
  .union([z.number(), z.string()])
  .refine((written) => errnoNumber(written) !== undefined || isReference(written), {
    error: 'must be 0, or a negative errno such as -19 or -ENODEV, or $NAME',
  });

function isReference(written: number | string): boolean {
  return typeof written === 'string' && reference.test(written);
}

const id = integer(0, ID_MAX);
const key = { object: name, id };
const assignments = z.record(z.string(), value);

const anywhere = {
  log: line.optional(),
  sleep: sleep.optional(),
  set: assignments.optional(),
  add: assignments.optional(),
  shadow_alloc: mapping({ ...key, value: value.optional() }).optional(),
  shadow_get_or_alloc: mapping({ ...key, value: value.optional() }).optional(),
  shadow_get: mapping({ ...key, into: name, missing: value.optional() }).optional(),
  shadow_set: mapping({ ...key, value }).optional(),
  shadow_free: mapping(key).optional(),
  shadow_free_all: id.optional(),
};

function oneOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return mapping(shape).check(exactlyOneOf(Object.keys(shape)));
}

export const callbackAction = oneOf(anywhere);
export const prePatchAction = oneOf({ ...anywhere, return: errno.optional() });
export const functionAction = oneOf({
  ...anywhere,
  output: z.string().optional(),
  return: value.optional(),
});

export type Value = z.output<typeof value>;
/** Any of them; which ones make sense where, the schema has seen to. */
export type Action = z.output<typeof callbackAction> & {
  readonly output?: string | undefined;
  readonly return?: number | string | undefined;
};

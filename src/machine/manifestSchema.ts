/** The words of patch manifests. */
import * as z from 'zod';
import { durationProblem } from './duration.ts';
import { errnoNumber } from './errnoWord.ts';
import { parameters } from './parameter.ts';
import { exactlyOneOf, integer, line, mapping, name, ownModuleName } from './schema.ts';

const SYMPOS_MAX = 2 ** 31 - 1;
const INT_MAX = 2 ** 31 - 1;

const errno = z
  .union([z.number(), z.string()])
  .refine((value) => errnoNumber(value) !== undefined, {
    error: 'must be 0, or a negative errno such as -19 or -ENODEV',
  });

export const FOREVER = 'forever';

const sleep = z.custom<string>((value) => value === FOREVER || !durationProblem(value), {
  error: ({ input }) => durationProblem(input)?.replace('must be', `must be ${FOREVER}, or`),
});

const callbackStep = mapping({ log: line.optional(), sleep: sleep.optional() }).check(
  exactlyOneOf(['log', 'sleep']),
);

const prePatchStep = mapping({
  log: line.optional(),
  sleep: sleep.optional(),
  return: errno.optional(),
}).check(exactlyOneOf(['log', 'sleep', 'return']));

const func = mapping({
  old_name: name,
  new_name: name.optional(),
  sympos: integer(0, SYMPOS_MAX).optional(),
  immediate: z.boolean().optional(),
  output: z.string().optional(),
  returns: integer(-INT_MAX - 1, INT_MAX).optional(),
  log: line.optional(),
});

const object = mapping({
  name,
  callbacks: mapping({
    pre_patch: z.array(prePatchStep).optional(),
    post_patch: z.array(callbackStep).optional(),
    pre_unpatch: z.array(callbackStep).optional(),
    post_unpatch: z.array(callbackStep).optional(),
  }).optional(),
  funcs: z.array(func).optional(),
});

const NO_OBJECTS =
  'a patch needs objects: a list of what it patches, such as [{name: vmlinux, funcs: [...]}]';

/** What the kernel would judge (names, positions, duplicates) is left to the kernel. */
export const manifestSchema = mapping({
  module: ownModuleName,
  livepatch: z
    .literal(true, { error: 'must be true: plain modules belong into a machine description' })
    .optional(),
  immediate: z.boolean().optional(),
  depends: z.array(ownModuleName).optional(),
  parameters: parameters.optional(),
  intree: z.boolean().optional(),
  objects: z
    .array(object, { error: ({ input }) => (input === undefined ? NO_OBJECTS : undefined) })
    .min(1, { error: NO_OBJECTS }),
});

export type PatchManifest = z.output<typeof manifestSchema>;
export type ManifestObject = z.output<typeof object>;
export type ManifestFunc = z.output<typeof func>;
export type CallbackStep = z.output<typeof prePatchStep>;

/** The words of patch manifests. */
import * as z from 'zod';
import { callbackAction, functionAction, prePatchAction, value } from './action.ts';
import { identifier, parameters } from './parameter.ts';
import { integer, line, mapping, name, ownModuleName } from './schema.ts';

const SYMPOS_MAX = 2 ** 31 - 1;
const INT_MAX = 2 ** 31 - 1;
const UINT_MAX = 2 ** 32 - 1;

const func = mapping({
  old_name: name,
  new_name: name.optional(),
  sympos: integer(0, SYMPOS_MAX).optional(),
  immediate: z.boolean().optional(),
  output: z.string().optional(),
  returns: value.optional(),
  log: line.optional(),
  steps: z.array(functionAction).optional(),
});

const object = mapping({
  name,
  callbacks: mapping({
    pre_patch: z.array(prePatchAction).optional(),
    post_patch: z.array(callbackAction).optional(),
    pre_unpatch: z.array(callbackAction).optional(),
    post_unpatch: z.array(callbackAction).optional(),
  }).optional(),
  funcs: z.array(func).optional(),
});

/** An id of 0 ends the list in C. */
const state = mapping({
  id: integer(1, Number.MAX_SAFE_INTEGER),
  version: integer(0, UINT_MAX),
});

const NO_OBJECTS =
  'a patch needs objects: a list of what it patches, such as [{name: vmlinux, funcs: [...]}]';

/** What the kernel would judge (names, positions, duplicates) is left to the kernel. */
export const manifestSchema = mapping({
  module: ownModuleName,
  livepatch: z
    .literal(true, { error: 'must be true: plain modules belong into a machine description' })
    .optional(),
  description: line.optional(),
  immediate: z.boolean().optional(),
  replace: z.boolean().optional(),
  states: z.array(state).optional(),
  depends: z.array(ownModuleName).optional(),
  parameters: parameters.optional(),
  variables: z.record(identifier, integer(-INT_MAX - 1, INT_MAX)).optional(),
  intree: z.boolean().optional(),
  objects: z
    .array(object, { error: ({ input }) => (input === undefined ? NO_OBJECTS : undefined) })
    .min(1, { error: NO_OBJECTS }),
});

export type PatchManifest = z.output<typeof manifestSchema>;
export type ManifestObject = z.output<typeof object>;
export type ManifestFunc = z.output<typeof func>;

/** The words that machine descriptions and patch manifests share, and how their errors read. */
import * as z from 'zod';
import { NS_PER_US } from '../engine/clock.ts';
import { moduleName } from '../engine/module/model.ts';
import { durationProblem, parseDuration } from './duration.ts';

/** A mapping that has these keys and no others. */
export function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `unknown key: allowed are ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}

export function integer(least: number, most: number) {
  const error = `must be an integer from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export function nonEmptyList<Item extends z.ZodType>(item: Item) {
  return z.array(item).min(1, { error: 'must not be empty' });
}

/** Text of one line without control characters, which is what names and log lines can be. */
export const line = z
  .string()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
  .regex(/^[^\x00-\x1f\x7f]*$/, { error: 'must be one line without control characters' });

export const name = line.min(1, { error: 'must not be empty' });

/** TASK_COMM_LEN, less its NUL. Source: include/linux/sched.h. */
const COMM_LENGTH_MAX = 15;

/** The name of a task. */
export const commName = name.max(COMM_LENGTH_MAX, {
  error: `must have at most ${COMM_LENGTH_MAX} characters`,
});

export const duration = z.custom<string>((value) => durationProblem(value) === undefined, {
  error: ({ input }) => (input === undefined ? undefined : durationProblem(input)),
});

/** Shorter, and a machine would do nothing else. */
const PERIOD_MIN_NS = 100 * NS_PER_US;

/** How often something comes again. */
export const period = duration.refine((text) => (parseDuration(text) ?? 0) >= PERIOD_MIN_NS, {
  error: 'must be 100us or more',
});

/** KSYM_NAME_LEN of the oldest release, less its NUL. Source: include/linux/kallsyms.h. */
const SYMBOL_LENGTH_MAX = 127;

export const symbolName = z
  .string()
  .max(SYMBOL_LENGTH_MAX, { error: `must have at most ${SYMBOL_LENGTH_MAX} characters` })
  .regex(/^[A-Za-z_][\w.$]*$/, { error: 'must be the name of a function' });

/** MODULE_NAME_LEN, less its NUL. Source: include/linux/moduleparam.h. */
const MODULE_LENGTH_MAX = 55;

/** Stored as the kernel knows it, with underscores. */
export const ownModuleName = z
  .string()
  .max(MODULE_LENGTH_MAX, { error: `must have at most ${MODULE_LENGTH_MAX} characters` })
  .regex(/^[\w-]+$/, { error: 'must have letters, digits, _ and - only' })
  .refine((given) => given !== 'vmlinux', { error: 'vmlinux is the kernel itself' })
  .transform(moduleName);

/** Complains unless a mapping that is fine otherwise has exactly one of these keys. */
export function exactlyOneOf(verbs: readonly string[]) {
  return ({ value, issues }: z.core.ParsePayload<object>): void => {
    if (issues.length > 0) return;
    const present = verbs.filter((verb) => verb in value);
    if (present.length === 1) return;
    const found = present.length === 0 ? 'none' : present.join(' and ');
    const message = `must have exactly one of ${verbs.join(', ')}; it has ${found}`;
    issues.push({ code: 'custom', message, input: value });
  };
}

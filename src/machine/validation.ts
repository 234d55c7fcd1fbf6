/** Holding a document against a schema, with errors in the words of the file. */
import type * as z from 'zod';
import type { Finding } from './document.ts';
import type { MachineError } from './machineError.ts';

/** @throws the refusal of everything that the schema finds wrong. */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  refusal: (findings: readonly Finding[]) => MachineError,
): z.output<Schema> {
  const result = schema.safeParse(value, { error: explain });
  if (result.success) return result.data;
  throw refusal(result.error.issues.flatMap(findingsOf));
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** What an issue is called unless its schema knows better. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is missing';
  if (issue.code === 'invalid_type') {
    return `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
  }
  if (issue.code === 'invalid_value') {
    return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return KINDS[typeof value] ?? typeof value;
}

/** One for each unknown key; those of the likeliest branch where a value can have several forms. */
function findingsOf(issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: issue.message, atKey: true }));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ path, message, atKey: true }));
  }
  if (issue.code === 'invalid_union') {
    const likeliest = issue.errors.find(([first]) => first && !isOfOtherKind(first));
    if (likeliest) {
      return likeliest.flatMap((inner) =>
        findingsOf({ ...inner, path: [...issue.path, ...inner.path] }),
      );
    }
  }
  return [{ path, message: issue.message }];
}

function isOfOtherKind(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

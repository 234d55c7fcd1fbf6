/** Two texts as diff -u shows them. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

const CONTEXT_LINES = 3;
/** Long texts that have little in common take longer than anybody waits. */
const LIMIT_MS = 5000;

/** Nothing if they are the same. */
export function unifiedDiff(before: NamedText, after: NamedText): string {
  if (before.text === after.text) return '';
  const patch = createTwoFilesPatch(
    before.name,
    after.name,
    before.text,
    after.text,
    undefined,
    undefined,
    { context: CONTEXT_LINES, headerOptions: FILE_HEADERS_ONLY, timeout: LIMIT_MS },
  );
  return patch ?? `${before.name} and ${after.name} have too little in common\n`;
}

/**
 * Sessions: what somebody types into a shell, and what it answers, as a document shows it.
 *
 * In the expected output `[..]` stands for any text within a line, and a line `...` for any lines.
 */

export interface Exchange {
  /** Possibly several lines, the others with a `> ` in front of them. */
  command: string;
  readonly expected: readonly string[];
  /** The first of its block: a session of its own. */
  readonly begins: boolean;
  /** Where it stands in the document. */
  readonly line: number;
}

const FENCE = /^```(\w*)(?: (\w+))?\s*$/;
const PROMPT = '$ ';
const CONTINUATION = '> ';

/** The exchanges of `console` blocks of a Markdown text, in order: those without a label, or with one of these. */
export function parseSessions(markdown: string, labels: readonly string[] = []): Exchange[] {
  const exchanges: (Exchange & { expected: string[] })[] = [];
  let inside = false;
  let begins = false;
  for (const [index, text] of markdown.split('\n').entries()) {
    const fence = FENCE.exec(text);
    if (fence) {
      const [, kind, label] = fence;
      inside = !inside && kind === 'console' && (label === undefined || labels.includes(label));
      begins = inside;
    } else if (inside && text.startsWith(PROMPT)) {
      const command = text.slice(PROMPT.length);
      exchanges.push({ command, expected: [], begins, line: index + 1 });
      begins = false;
    } else if (inside) {
      addLine(exchanges.at(-1), text);
    }
  }
  return exchanges;
}

function addLine(exchange: (Exchange & { expected: string[] }) | undefined, text: string): void {
  if (!exchange) return;
  const continues = exchange.expected.length === 0 && text.startsWith(CONTINUATION);
  if (continues) exchange.command += `\n${text.slice(CONTINUATION.length)}`;
  else exchange.expected.push(text);
}

/** Whether a shell's answer is what the document shows. */
export function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first.trim() === '...') {
    return actual.some((_, skipped) => matches(rest, actual.slice(skipped))) || matches(rest, []);
  }
  const [line, ...others] = actual;
  return line !== undefined && lineMatches(first, line) && matches(rest, others);
}

function lineMatches(expected: string, actual: string): boolean {
  const pattern = expected
    .trimEnd()
    .split('[..]')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(actual.trimEnd());
}

/**
 * Call stacks, each stored once.
 *
 * A stack is a node in a tree: its newest frame, and the stack below. Tasks that sleep in the same
 * place share a node, so a million of them cost one, and a transition checks it once.
 */
import type { Code } from '../kallsyms.ts';

export interface Stack {
  /** The function that the newest frame executes; undefined only in the empty stack. */
  readonly code: Code | undefined;
  readonly below: Stack | undefined;
  readonly depth: number;
  readonly above: Map<Code, Stack>;
}

export function createEmptyStack(): Stack {
  return { code: undefined, below: undefined, depth: 0, above: new Map() };
}

export function pushFrame(stack: Stack, code: Code): Stack {
  const known = stack.above.get(code);
  if (known) return known;
  const pushed: Stack = { code, below: stack, depth: stack.depth + 1, above: new Map() };
  stack.above.set(code, pushed);
  return pushed;
}

/** The functions on a stack, newest first. */
export function* framesOf(stack: Stack): Generator<Code, void> {
  for (let frame: Stack | undefined = stack; frame?.code; frame = frame.below) yield frame.code;
}

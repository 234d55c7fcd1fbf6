/**
 * Choosing functions by words: `name`, a pattern, `!` to take away, `:mod:` for one module.
 *
 * Source: kernel/trace/ftrace.c:match_records(), ftrace_process_regex(); lib/glob.c.
 */
import { KernelError } from '../../abi/errno.ts';
import type { Code } from '../kallsyms.ts';
import type { Kernel } from '../kernel.ts';

/** Every call site that there is: vmlinux, then modules as they came. */
export function* traceableFunctions({ kallsyms }: Kernel): Generator<Code, void> {
  for (const { codes } of kallsyms.objects.values()) {
    for (const code of codes) if (code.traceable) yield code;
  }
}

/**
 * Adds the functions that a word names to a set of them, or takes them away.
 *
 * @throws KernelError EINVAL if it names none.
 */
export function applyWord(kernel: Kernel, word: string, chosen: Set<Code>): void {
  const takesAway = word.startsWith('!');
  const [pattern = '', command, module, ...more] = word.slice(takesAway ? 1 : 0).split(':');
  if (command !== undefined && (command !== 'mod' || !module || more.length > 0)) {
    throw new KernelError('EINVAL', `'${word}' is no command that there is`);
  }
  const isMatch = compilePattern(pattern);
  const matching = [...traceableFunctions(kernel)].filter(
    (code) => isMatch(code.name) && (module === undefined || code.module?.name === module),
  );
  if (matching.length === 0) throw new KernelError('EINVAL', `no function is named '${word}'`);
  for (const code of matching) {
    if (takesAway) chosen.delete(code);
    else chosen.add(code);
  }
}

/** Patterns of the shell: `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash before what is none. */
export function compilePattern(pattern: string): (name: string) => boolean {
  if (!/[*?[\\]/.test(pattern)) return (name) => name === pattern;
  const parts = pattern.matchAll(/\*+|\?|\[(!?)([^\]]+)\]|\\(.)|(.)/gs);
  const source = [...parts].map(([whole, not, set, escaped, plain]) => {
    if (whole.startsWith('*')) return '.*';
    if (whole === '?') return '.';
    if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\^]/g, '\\$&')}]`;
    return (escaped ?? plain ?? '').replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
  });
  const expression = compileExpression(source.join(''));
  return (name) => expression?.test(name) ?? false;
}

/** A range that runs backwards matches nothing. */
function compileExpression(source: string): RegExp | undefined {
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return undefined;
  }
}

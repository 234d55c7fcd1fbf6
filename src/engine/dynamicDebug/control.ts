/**
 * The control file: which sites there are, and commands that change their flags.
 *
 * Source: lib/dynamic_debug.c:ddebug_proc_show(), ddebug_proc_write(), ddebug_change().
 */
import { KernelError } from '../../abi/errno.ts';
import { emit } from '../events.ts';
import type { Kernel } from '../kernel.ts';
import { LOG_LEVEL } from '../printk.ts';
import { type Dialect, dialectOf } from './dialect.ts';
import { type Complain, type Modifiers, parseCommand, type Query } from './query.ts';
import { type DebugSite, FLAGS } from './sites.ts';

/** USER_BUF_PAGE: a write has to be shorter. */
const BUFFER_BYTES = 4096;

/** A header, then a line for each site: where it is, its flags, its format. */
export function showControl({ dynamicDebug, config }: Kernel): string {
  const { newline } = dialectOf(config.release);
  const lines = dynamicDebug.sites.map(
    ({ file, line, module, function: name, flags, format }) =>
      `${file}:${line} [${module}]${name} =${flags || '_'} "${format.replaceAll('\n', newline)}"\n`,
  );
  return `# filename:lineno [module]function flags format\n${lines.join('')}`;
}

/**
 * Carries out every command of a write, whatever is wrong with the others.
 *
 * @throws KernelError E2BIG for a page or more, EINVAL if one of them is wrong; the log says why.
 */
export function writeControl(kernel: Kernel, text: string): void {
  const dialect = dialectOf(kernel.config.release);
  if (text.length >= BUFFER_BYTES) {
    const complaint = `expected <${BUFFER_BYTES} bytes into control`;
    log(kernel, 'warning', dialect.complaint('ddebug_proc_write', complaint));
    throw new KernelError('E2BIG', complaint);
  }
  const failures = commandsIn(text)
    .map((command) => execute(kernel, command, dialect))
    .filter((succeeded) => !succeeded);
  if (failures.length > 0) throw new KernelError('EINVAL', 'a command of dynamic debug is wrong');
}

/**
 * Carries out what a module's parameter `dyndbg` says, for sites of this module only.
 *
 * Source: ddebug_exec_queries() by way of ddebug_dyndbg_param_cb().
 */
export function runQueries(kernel: Kernel, text: string, module: string): void {
  const dialect = dialectOf(kernel.config.release);
  for (const command of commandsIn(text)) execute(kernel, command, dialect, module);
}

/** Up to the first NUL, a command a line or between semicolons. Source: ddebug_exec_queries(). */
function commandsIn(text: string): string[] {
  return text
    .replace(/\0.*/s, '')
    .split(/[;\n]/)
    .map((command) => command.trimStart())
    .filter((command) => command !== '' && !command.startsWith('#'));
}

/** False if the command is wrong; the next one is none the worse for it. */
function execute(kernel: Kernel, text: string, dialect: Dialect, module?: string): boolean {
  const complain: Complain = (where, complaint) => {
    log(kernel, 'error', dialect.complaint(where, complaint));
    return new KernelError('EINVAL', complaint);
  };
  try {
    const { query, modifiers } = parseCommand(text, dialect, complain);
    for (const site of kernel.dynamicDebug.sites) {
      if (module !== undefined && site.module !== module) continue;
      if (matches(site, query, dialect)) site.flags = changed(site.flags, modifiers);
    }
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

/** A site is of no class, so that none is found when one is asked for. */
function matches(site: DebugSite, query: Query, dialect: Dialect): boolean {
  const { firstLine, lastLine } = query;
  return (
    query.class === undefined &&
    isLike(site.module, query.module) &&
    (isLike(site.file, query.file) || isLike(baseName(site.file), query.file)) &&
    isLike(site.function, query.func) &&
    hasFormat(site, query.format, dialect) &&
    site.line >= firstLine &&
    (lastLine === 0 || site.line <= lastLine)
  );
}

/** match_wildcard(): `*` is anything, `?` one character. */
function isLike(text: string, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  const source = pattern
    .replaceAll(/[\\^$.+()[\]{}|/]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function hasFormat({ format }: DebugSite, wanted: string | undefined, dialect: Dialect): boolean {
  if (wanted === undefined) return true;
  if (dialect.formatsHaveAnchors && wanted.startsWith('^')) {
    return format.startsWith(wanted.slice(1));
  }
  return format.includes(wanted);
}

function changed(flags: string, { operator, letters }: Modifiers): string {
  const isSet = (letter: string) => {
    const named = letters.includes(letter);
    if (operator === '=') return named;
    return operator === '+' ? named || flags.includes(letter) : !named && flags.includes(letter);
  };
  return [...FLAGS].filter(isSet).join('');
}

function log(kernel: Kernel, level: 'error' | 'warning', text: string): void {
  emit(kernel, { type: 'printk', level: LOG_LEVEL[level], text });
}

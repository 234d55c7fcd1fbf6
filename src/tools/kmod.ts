/** What kmod's programs have in common. Source: kmod 30, tools/log.c, libkmod/. */
import { ERRNO, KernelError } from '../abi/errno.ts';
import { strerror } from '../abi/strerror.ts';
import type { Kernel } from '../engine/kernel.ts';
import { parseArguments } from '../engine/module/arguments.ts';
import { loadModule, removeModule } from '../engine/module/loader.ts';
import { type Module, type ModuleDefinition, moduleName } from '../engine/module/model.ts';
import { nameHash } from '../engine/nameHash.ts';
import type { Context } from '../engine/sched/context.ts';
import type { CommandLine, Option } from './getopt.ts';
import { EXIT_FAILURE, EXIT_SUCCESS, type Run } from './tool.ts';

export const VERSION = 'kmod version 30\n+ZSTD +XZ -ZLIB +LIBCRYPTO -EXPERIMENTAL\n';
/** From Linux's numbers: an errno is negative, 0 is success. */
const EPERM = -ERRNO.EPERM.number;
const ENOENT = -ERRNO.ENOENT.number;
const ENOSYS = -ERRNO.ENOSYS.number;
/** MAX_ERRNO: what a system call returns below it is no error to the C library. */
const MAX_ERRNO = 4095;

export type Severity = 'FATAL' | 'ERROR' | 'WARNING';

/** A line on stderr, as ERR() writes it. */
export function complain({ name, output }: Run, text: string, severity: Severity = 'ERROR'): void {
  output.stderr(`${name}: ${severity}: ${text}\n`);
}

/**
 * The options in their order, without those that end every program of kmod: `-V`, `-h`, and what is
 * wrong. If there is one of these it is done, and its exit code answered instead.
 */
export function readOptions(
  { name, output }: Run,
  { options }: CommandLine,
  usage: string,
  take: (option: string, value: string) => void,
): number | undefined {
  for (const found of options) {
    const code = endsWith(found);
    if (code !== undefined) return code;
    if ('option' in found) take(found.option, found.value ?? '');
  }
  return undefined;

  function endsWith(found: Option): number | undefined {
    if ('complaint' in found) {
      output.stderr(`${name}: ${found.complaint}\n`);
      return EXIT_FAILURE;
    }
    if (found.option !== 'V' && found.option !== 'h') return undefined;
    output.stdout(found.option === 'V' ? VERSION : `Usage:\n\t${name} ${usage}\n`);
    return EXIT_SUCCESS;
  }
}

/** Where a module lies: modules that are no files of the kernel's tree are installed there. */
export function modulePath({ config }: Kernel, name: string): string {
  return `/lib/modules/${config.version}/extra/${name}.ko`;
}

/** The name of the module in a file. Source: libkmod-util.c:path_to_modname(). */
export function nameOfPath(path: string): string {
  return nameOfWord(path.slice(path.lastIndexOf('/') + 1));
}

/** Source: libkmod-util.c:modname_normalize(). */
export function nameOfWord(word: string): string {
  return moduleName(word.replace(/\..*/s, ''));
}

/** What modprobe(8) finds in the directory of modules. */
export function findAvailable({ modules }: Kernel, alias: string): ModuleDefinition | undefined {
  return modules.available.get(moduleName(alias));
}

/** One that has its directory in /sys/module. */
export function findLoaded({ modules }: Kernel, name: string): Module | undefined {
  const module = modules.loaded.get(name);
  return module?.kobject ? module : undefined;
}

/** In the order of readdir(3). Source: libkmod-module.c:kmod_module_get_holders(). */
export function holdersOf({ usedBy }: Module): string[] {
  return usedBy.map(({ name }) => name).sort((a, b) => nameHash(a) - nameHash(b));
}

/** Answers a negative errno, or 0. Source: libkmod-module.c:kmod_module_insert_module(). */
export function* insertModule(run: Run, name: string, options: string): Context<number> {
  const result = yield* finitModule(run, name, options);
  // Where finit_module(2) is not there, the older system call is tried.
  return result === ENOSYS ? yield* finitModule(run, name, options) : result;
}

function finitModule({ kernel, privileged }: Run, name: string, options: string): Context<number> {
  return systemCall(privileged, () => loadModule(kernel, name, parseArguments(options)));
}

/** Answers a negative errno, which it has complained about, or 0. Source: kmod_module_remove_module(). */
export function* removeLoudly(run: Run, name: string): Context<number> {
  const result = yield* removeQuietly(run, name);
  if (result < 0) {
    const place = '../libkmod/libkmod-module.c:856 kmod_module_remove_module()';
    complain(run, `${place} could not remove '${name}': ${strerror(-result)}`);
  }
  return result;
}

/** delete_module(2), with O_NONBLOCK. */
export function removeQuietly({ kernel, privileged }: Run, name: string): Context<number> {
  return systemCall(privileged, () => removeModule(kernel, name));
}

function* systemCall(privileged: boolean, call: () => Context): Context<number> {
  if (!privileged) return EPERM;
  try {
    yield* call();
    return 0;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // A number that is no errno leaves errno as it was: from a file that was looked for before.
    return error.errno < -MAX_ERRNO ? ENOENT : error.errno;
  }
}

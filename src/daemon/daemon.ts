/**
 * A machine that is mounted: the kernel, the loop that drives it, and the mount that shows it.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import type { Logger } from 'pino';
import { FileSystem } from '../../mount/fileSystem.ts';
import { fuseNative } from '../../mount/fuseNative.ts';
import { mount, type Session } from '../../mount/session.ts';
import { bootKernel } from '../engine/boot.ts';
import { loadModule } from '../engine/module/loader.ts';
import { type ModuleDefinition, moduleName } from '../engine/module/model.ts';
import { toBootOptions } from '../machine/bootOptions.ts';
import type { MachineDescription } from '../machine/description.ts';
import { parseManifest } from '../machine/manifest.ts';
import { modulesLoadedAtBoot } from '../machine/moduleGraph.ts';
import { builtinModules } from '../modules/builtin.ts';
import type { Owner } from '../sysfs/inode.ts';
import { mountedTree } from '../sysfs/root.ts';
import { logEvents } from './log.ts';
import { type ClockMode, MachineLoop } from './machineLoop.ts';
import { daemonVerbs } from './verbs.ts';

export interface DaemonOptions {
  readonly directory: string;
  readonly description: MachineDescription;
  /** Against which the file names in `load` are resolved. */
  readonly baseDirectory: string;
  readonly allowOther: boolean;
  readonly logger: Logger;
  /** Modules beyond the built-in ones. */
  readonly modules?: readonly ModuleDefinition[];
}

export interface Daemon {
  readonly session: Session;
  readonly loop: MachineLoop;
}

/**
 * Boots a machine, loads what its description names, and mounts it. Resolves when the mount
 * answers.
 *
 * @throws MountError if it cannot be mounted; MachineError or KernelError if a module cannot be
 * loaded. Then nothing is mounted.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { description, logger } = options;
  const manifests = await readManifests(options);
  const modules = [...builtinModules, ...(options.modules ?? []), ...manifests.values()];
  const kernel = bootKernel(toBootOptions(description, modules, Date.now()));
  if (logger.isLevelEnabled('info')) kernel.listeners.push(logEvents(logger));

  const onBug = (error: unknown) => logger.error({ err: error }, 'bug');
  const loop = new MachineLoop(kernel, clockMode(description), onBug);
  for (const name of modulesLoadedAtBoot(description, modules)) await load(loop, name);
  for (const name of description.load) await load(loop, manifests.get(name)?.name ?? name);

  const root = mountedTree(kernel, daemonVerbs(description, loop), userOfThisProcess());
  const session = await mount(options.directory, new FileSystem(root, loop.run, onBug), {
    transport: fuseNative,
    allowOther: options.allowOther,
  });
  loop.start();
  void session.closed.then(() => loop.stop());
  return { session, loop };
}

/** Whoever runs a machine is root in it. */
function userOfThisProcess(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function clockMode({ clock, speed }: MachineDescription): ClockMode {
  return clock === 'manual' ? { kind: 'manual' } : { kind: 'real', speed };
}

/** What `load` names and is no module yet is a file. */
async function readManifests({
  description,
  baseDirectory,
  modules = [],
}: DaemonOptions): Promise<Map<string, ModuleDefinition>> {
  const known = new Set(
    [...builtinModules, ...modules, ...description.modules].map(({ name }) => name),
  );
  const files = description.load.filter((name) => !known.has(moduleName(name)));
  const parsed = await Promise.all(
    files.map(async (file): Promise<[string, ModuleDefinition]> => {
      const path = resolve(baseDirectory, file);
      return [file, parseManifest(await readFile(path, 'utf8'), path)];
    }),
  );
  return new Map(parsed);
}

function load(loop: MachineLoop, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    loop.run(loadModule(loop.kernel, name, []), (outcome) => {
      if ('error' in outcome) reject(outcome.error);
      else resolve();
    });
  });
}

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
import { importModules, isEsModule, refusal } from './esModules.ts';
import { logEvents } from './log.ts';
import { type ClockMode, MachineLoop } from './machineLoop.ts';
import type { Recorder } from './recorder.ts';
import { startRecording } from './recording.ts';
import { recordTree } from './recordTree.ts';
import { panelOf } from './verbs.ts';

export interface DaemonOptions {
  readonly directory: string;
  readonly description: MachineDescription;
  /** Against which the file names in `load` are resolved. */
  readonly baseDirectory: string;
  readonly allowOther: boolean;
  readonly logger: Logger;
  /** ES modules to run for the modules that they export. */
  readonly moduleFiles?: readonly string[];
  /** Modules beyond the built-in ones. */
  readonly modules?: readonly ModuleDefinition[];
  /** Where every input is recorded, if anywhere. */
  readonly recordFile?: string | undefined;
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
  const texts = await readManifests(options);
  const manifests = parseManifests(texts, options);
  const code = await importCode(options);
  const modules = [
    ...builtinModules,
    ...(options.modules ?? []),
    ...manifests.values(),
    ...[...code.values()].flat(),
  ];
  const kernel = bootKernel(toBootOptions(description, modules, Date.now()));
  if (logger.isLevelEnabled('info')) kernel.listeners.push(logEvents(logger));

  const onBug = (error: unknown) => logger.error({ err: error }, 'bug');
  const loop = new MachineLoop(kernel, clockMode(description), onBug);
  const recording = await startRecording(loop, { ...options, manifests: texts });
  for (const name of [
    ...modulesLoadedAtBoot(description, modules),
    ...description.load.flatMap(
      (name) => code.get(name)?.map((module) => module.name) ?? manifests.get(name)?.name ?? name,
    ),
  ]) {
    await load(loop, name, recording?.recorder);
  }

  const tree = mountedTree(kernel, panelOf(description, loop), userOfThisProcess());
  const root = recording ? recordTree(tree, recording.recorder) : tree;
  const session = await mount(options.directory, new FileSystem(root, loop.run, onBug), {
    transport: fuseNative,
    allowOther: options.allowOther,
  });
  loop.start();
  void session.closed.then(() => {
    loop.stop();
    recording?.end();
  });
  return { session, loop };
}

/** Whoever runs a machine is root in it. */
function userOfThisProcess(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function clockMode({ clock, speed }: MachineDescription): ClockMode {
  return clock === 'manual' ? { kind: 'manual' } : { kind: 'real', speed };
}

/** A recording holds all that moves a machine, and code cannot be written down. */
async function importCode({
  description,
  baseDirectory,
  moduleFiles = [],
  recordFile,
}: DaemonOptions): Promise<Map<string, readonly ModuleDefinition[]>> {
  const files = [...moduleFiles, ...description.load.filter(isEsModule)];
  const [first] = files;
  if (first !== undefined && recordFile !== undefined) {
    throw refusal(first, 'a machine that runs the code of an ES module cannot be recorded');
  }
  return importModules([...new Set(files)], baseDirectory);
}

/** The texts of what `load` names and is no module yet: files. */
async function readManifests({
  description,
  baseDirectory,
  modules = [],
}: DaemonOptions): Promise<Map<string, string>> {
  const known = new Set(
    [...builtinModules, ...modules, ...description.modules].map(({ name }) => name),
  );
  const files = description.load.filter(
    (name) => !known.has(moduleName(name)) && !isEsModule(name),
  );
  const texts = await Promise.all(
    files.map(async (file): Promise<[string, string]> => {
      return [file, await readFile(resolve(baseDirectory, file), 'utf8')];
    }),
  );
  return new Map(texts);
}

function parseManifests(
  texts: ReadonlyMap<string, string>,
  { baseDirectory, description: { release } }: DaemonOptions,
): Map<string, ModuleDefinition> {
  return new Map(
    [...texts].map(([file, text]) => [
      file,
      parseManifest(text, resolve(baseDirectory, file), release),
    ]),
  );
}

function load(loop: MachineLoop, name: string, recorder: Recorder | undefined): Promise<void> {
  const context = loadModule(loop.kernel, name, []);
  recorder?.loading(name, context);
  return new Promise((resolve, reject) => {
    loop.run(context, (outcome) => {
      if ('error' in outcome) reject(outcome.error);
      else resolve();
    });
  });
}

/** From the text of a machine description to a machine. */
import type { ModuleDefinition } from '../engine/module/model.ts';
import { findContradictions } from './contradiction.ts';
import { createDefaultMachine, defaultMachine } from './defaultMachine.ts';
import {
  type MachineDescription,
  type MachineFile,
  machineFileSchema,
  type Symbols,
  symbolNameOf,
  symbolsOf,
  VMLINUX,
} from './description.ts';
import { lineOf, parseSource, refusal, type SourceDocument } from './document.ts';
import { formatPath, MachineError, type Path } from './machineError.ts';
import { validate } from './validation.ts';

/** Keys that the command line can set. */
export type MachineOptions = Omit<MachineFile, 'symbols' | 'modules' | 'tasks'>;

/** What stands around a description. */
export interface Surroundings {
  /** Modules beyond those that it describes; it may name them and their functions. */
  readonly available: readonly ModuleDefinition[];
  /** They win over the keys of the text. Undefined ones do not count. */
  readonly options: MachineOptions;
}

/** Every part of a description is right, but they may not go together. */
export interface MachineDraft {
  readonly description: MachineDescription;
  readonly source: SourceDocument;
}

/**
 * Reads a machine description; an empty one is the default machine.
 *
 * A key that is given replaces the default's value as a whole, except `symbols`, which add to it.
 *
 * @throws MachineError with everything that is wrong, each with its place in the text.
 */
export function parseMachine(
  text: string,
  fileName: string,
  { available, options }: Surroundings,
): MachineDescription {
  return checkDraft(draftMachine(text, fileName, options), available);
}

/** The first half of it, for who has to read `load` in order to know which modules there are. */
export function draftMachine(
  text: string,
  fileName: string,
  options: MachineOptions,
): MachineDraft {
  const source = parseSource(text, fileName);
  const file = validate(machineFileSchema, source.value ?? {}, (findings) =>
    refusal(source, findings),
  );
  return { description: complete({ ...file, ...checkOptions(options) }), source };
}

/** The second half: what a description says of modules, tasks and functions. */
export function checkDraft(
  { description, source }: MachineDraft,
  available: readonly ModuleDefinition[],
): MachineDescription {
  const lineOfPath = (path: Path) => lineOf(source, path);
  const contradictions = findContradictions(description, available, lineOfPath);
  if (contradictions.length > 0) throw refusal(source, contradictions);
  return description;
}

/** @throws MachineError whose complaints have no place in the text. */
function checkOptions(options: MachineOptions): MachineFile {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return validate(machineFileSchema, Object.fromEntries(given), (findings) => {
    const nowhere = { line: 0, column: 0 };
    const complaints = findings.map(({ path, message }) => ({
      ...nowhere,
      path: formatPath(path),
      message,
    }));
    return new MachineError('options', complaints);
  });
}

function complete(file: MachineFile): MachineDescription {
  const { release = defaultMachine.release, cpus = defaultMachine.cpus } = file;
  const defaults = createDefaultMachine(release, cpus);
  return {
    release,
    cpus,
    seed: file.seed ?? defaults.seed,
    clock: file.clock ?? defaults.clock,
    speed: file.speed ?? defaults.speed,
    reliable_stacktrace: file.reliable_stacktrace ?? defaults.reliable_stacktrace,
    cmdline: file.cmdline ?? defaults.cmdline,
    symbols: addSymbols(defaults.symbols, file.symbols ?? {}),
    modules: file.modules ?? defaults.modules,
    tasks: file.tasks ?? defaults.tasks,
    interrupts: file.interrupts ?? defaults.interrupts,
    load: file.load ?? defaults.load,
  };
}

/**
 * A name that is given is there as often as it is given, whether or not the default machine has a
 * function of that name: who writes `vfs_read` wants one, not a second one.
 */
function addSymbols(defaults: Symbols, given: Symbols): Symbols {
  const added = symbolsOf(given, VMLINUX);
  const names = new Set(added.map(symbolNameOf));
  const kept = symbolsOf(defaults, VMLINUX).filter((known) => !names.has(symbolNameOf(known)));
  return { ...given, [VMLINUX]: [...kept, ...added] };
}

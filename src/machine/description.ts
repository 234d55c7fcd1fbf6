/** The machine description: its words, its types. See docs for what each key means. */
import * as z from 'zod';
import { RELEASES } from '../abi/release.ts';
import { OWN_FUNCTIONS } from '../engine/vmlinux.ts';
import { parameters } from './parameter.ts';
import { program } from './program.ts';
import {
  commName,
  integer,
  line,
  mapping,
  name,
  nonEmptyList,
  ownModuleName,
  period,
  symbolName,
} from './schema.ts';

const CPUS_MAX = 64;
const SEED_MAX = 2 ** 32 - 1;
const SPEED_MAX = 1_000_000;
/** PID_MAX_LIMIT of 64-bit machines. Source: include/linux/threads.h. */
export const PID_MAX = 4_194_304;
const TASKS_MAX = 1_000_000;
/** COMMAND_LINE_SIZE, less its NUL. Source: arch/x86/include/asm/setup.h. */
const CMDLINE_LENGTH_MAX = 2047;

/** What the engine calls by itself has to be a call site. */
const OWN_NAMES: ReadonlySet<string> = new Set(OWN_FUNCTIONS.map(({ name }) => name));

const namedSymbol = mapping({
  name: symbolName,
  traceable: z.boolean().optional(),
  unwind: z.boolean().optional(),
}).refine((given) => given.traceable !== false || !OWN_NAMES.has(given.name), {
  path: ['traceable'],
  error: 'must be true: klpfs itself needs the call site of this function',
});

const symbol = z.union([symbolName, namedSymbol], {
  error: 'must be a name, or a mapping of name, traceable and unwind',
});

const module = mapping({
  name: ownModuleName,
  loaded: z.boolean().optional(),
  depends: z.array(ownModuleName).optional(),
  log_init: name.optional(),
  log_exit: name.optional(),
  intree: z.boolean().optional(),
  parameters: parameters.optional(),
});

const threadKeys = {
  pid: integer(1, PID_MAX).optional(),
  count: integer(1, TASKS_MAX).optional(),
  cpu: integer(0, CPUS_MAX - 1).optional(),
  program: program.optional(),
};

/** A thread is called as its process unless it has a name of its own. */
const thread = mapping({ comm: commName.optional(), ...threadKeys });

const task = mapping({
  comm: commName,
  ...threadKeys,
  kthread: z.boolean().optional(),
  threads: z.array(thread).optional(),
});

const interrupt = mapping({
  cpu: integer(0, CPUS_MAX - 1),
  every: period,
  call: nonEmptyList(symbolName),
});

const speedError = `must be a number above 0, up to ${SPEED_MAX}`;

/** Every key of a complete description. */
export const machineSchema = mapping({
  release: z.enum(RELEASES, {
    error: ({ input }) =>
      typeof input === 'number'
        ? `must be a string: put it in quotes, as in "${RELEASES[0]}"`
        : `must be one of ${RELEASES.map((release) => `"${release}"`).join(', ')}`,
  }),
  cpus: integer(1, CPUS_MAX),
  seed: integer(0, SEED_MAX),
  clock: z.enum(['real', 'manual']),
  speed: z
    .number({ error: speedError })
    .positive({ error: speedError })
    .max(SPEED_MAX, { error: speedError }),
  reliable_stacktrace: z.boolean(),
  cmdline: line.max(CMDLINE_LENGTH_MAX, {
    error: `must have at most ${CMDLINE_LENGTH_MAX} characters`,
  }),
  symbols: z.record(z.string(), z.array(symbol)),
  modules: z.array(module),
  tasks: z.array(task),
  interrupts: z.array(interrupt),
  load: z.array(name),
});

/** Tasks for a machine that runs already. */
export const tasksFileSchema = machineSchema.pick({ tasks: true });

/** What a file gives; what it lacks comes from the default machine. */
export const machineFileSchema = machineSchema.partial();

/** A complete machine in the words of the file format: plain data, ready for JSON. */
export type MachineDescription = z.output<typeof machineSchema>;
export type MachineFile = z.output<typeof machineFileSchema>;
export type SymbolDescription = z.output<typeof symbol>;
export type ModuleDescription = z.output<typeof module>;
export type TaskDescription = z.output<typeof task>;
export type ThreadDescription = z.output<typeof thread>;

export type Symbols = MachineDescription['symbols'];

/** The object that is no module. */
export const VMLINUX = 'vmlinux';

/** The functions of one object; none if the description has none for it. */
export function symbolsOf(symbols: Symbols, object: string): SymbolDescription[] {
  return Object.hasOwn(symbols, object) ? (symbols[object] ?? []) : [];
}

export function symbolNameOf(described: SymbolDescription): string {
  return typeof described === 'string' ? described : described.name;
}

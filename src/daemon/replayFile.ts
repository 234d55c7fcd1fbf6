/** Reading recordings: what is wrong with one is said with its line. */

import type { ModuleDefinition } from '../engine/module/model.ts';
import { machineSchema } from '../machine/description.ts';
import { formatPath, MachineError } from '../machine/machineError.ts';
import { parseManifest } from '../machine/manifest.ts';
import {
  FORMAT_VERSION,
  type RecordedEvent,
  type RecordedInput,
  type RecordingEnd,
  type RecordingHeader,
} from './recordFormat.ts';

export interface Recording {
  readonly header: RecordingHeader;
  /** By the names that the description's `load` has for them. */
  readonly manifests: ReadonlyMap<string, ModuleDefinition>;
  /** In the order in which they happened. */
  readonly inputs: readonly RecordedInput[];
  /** Missing where the daemon was killed. */
  readonly end: RecordingEnd | undefined;
}

/** A file that is no recording, or a damaged one: `FILE:LINE: MESSAGE`. */
export class RecordingError extends Error {
  constructor(fileName: string, line: number, message: string) {
    super(`${fileName}:${line}: ${message}`);
    this.name = 'RecordingError';
  }
}

type Refuse = (message: string) => RecordingError;
type Fields = Readonly<Record<string, unknown>>;
type Check = readonly [isRight: (value: unknown) => boolean, wanted: string];

const COUNT: Check = [(value) => Number.isSafeInteger(value) && Number(value) >= 0, 'a count'];
const MAYBE_COUNT: Check = [(value) => value === undefined || COUNT[0](value), 'a count'];
const STRING: Check = [(value) => typeof value === 'string', 'a string'];
const STRINGS: Check = [
  (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  'a list of strings',
];
/** Times may have fractions of a nanosecond: durations do. */
const TIME: Check = [(value) => Number.isFinite(value) && Number(value) >= 0, 'a time'];

const MOMENT = { steps: COUNT, ns: TIME };
const FILE = { file: COUNT, path: STRING };
const EVENT_FIELDS: Readonly<Record<RecordedEvent['do'], Readonly<Record<string, Check>>>> = {
  load: { name: STRING },
  open: { ...FILE, flags: COUNT, pid: MAYBE_COUNT },
  read: { ...FILE, offset: COUNT, size: COUNT },
  write: { ...FILE, offset: COUNT },
  release: FILE,
  change: { path: STRING, mode: COUNT },
  start: { of: COUNT },
  interrupt: { of: COUNT },
};

/** A last line without its newline was being written when the daemon died: it does not count. */
export function parseRecording(text: string, fileName: string): Recording {
  const refuseAt = (line: number) => (message: string) =>
    new RecordingError(fileName, line, message);
  const lines = text.split('\n').slice(0, -1);
  const [first, ...rest] = lines;
  if (first === undefined) throw refuseAt(1)('no recording of klpfs');
  const header = parseHeader(first, refuseAt(1));
  const manifests = parseManifests(header, refuseAt(1));

  const inputs: (RecordedInput & { readonly line: number })[] = [];
  let end: RecordingEnd | undefined;
  for (const [index, written] of rest.entries()) {
    const line = index + 2;
    const refuse = refuseAt(line);
    if (end) throw refuse('there is more after the end');
    const fields = parseObject(written, refuse);
    if (fields['do'] === 'end') end = parseEnd(fields, refuse);
    else inputs.push({ ...parseInput(fields, refuse), line });
  }
  inputs.sort((a, b) => a.n - b.n);
  checkOrder(inputs, end, refuseAt);
  return { header, manifests, inputs: inputs.map(({ line: _, ...input }) => input), end };
}

function parseObject(written: string, refuse: Refuse): Fields {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    throw refuse('no JSON');
  }
  if (typeof value === 'object' && value !== null) return { ...value };
  throw refuse('no JSON object');
}

function parseHeader(written: string, refuse: Refuse): RecordingHeader {
  const fields = written.startsWith('{') ? parseObject(written, refuse) : {};
  const { klpfs_recording: version, machine, manifests } = fields;
  if (version === undefined) throw refuse('no recording of klpfs');
  if (version !== FORMAT_VERSION) {
    throw refuse(`a recording of format ${version}; this klpfs replays format ${FORMAT_VERSION}`);
  }
  check(fields, { pid: COUNT, boot_time_ms: TIME }, refuse);
  const parsed = machineSchema.safeParse(machine);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = formatPath(['machine', ...(issue?.path.map(toStep) ?? [])]);
    throw refuse(`${path}: ${issue?.message}`);
  }
  const texts =
    typeof manifests === 'object' && manifests !== null ? Object.entries(manifests) : [];
  return {
    klpfs_recording: FORMAT_VERSION,
    pid: Number(fields['pid']),
    boot_time_ms: Number(fields['boot_time_ms']),
    machine: parsed.data,
    manifests: Object.fromEntries(texts.map(([name, text]) => [name, String(text)])),
  };
}

function toStep(key: PropertyKey): string | number {
  return typeof key === 'number' ? key : String(key);
}

function parseManifests({ manifests, machine }: RecordingHeader, refuse: Refuse) {
  const parsed = new Map<string, ModuleDefinition>();
  for (const [name, text] of Object.entries(manifests)) {
    try {
      parsed.set(name, parseManifest(text, name, machine.release));
    } catch (error) {
      throw error instanceof MachineError ? refuse(`manifests: ${error.message}`) : error;
    }
  }
  return parsed;
}

function parseInput(fields: Fields, refuse: Refuse): RecordedInput {
  const { do: what } = fields;
  if (typeof what !== 'string' || !Object.hasOwn(EVENT_FIELDS, what)) {
    throw refuse(`do: must be one of ${Object.keys(EVENT_FIELDS).join(', ')}, end`);
  }
  check(fields, { n: COUNT, ...MOMENT, ...EVENT_FIELDS[what as RecordedEvent['do']] }, refuse);
  if (what === 'write' && typeof (fields['text'] ?? fields['base64']) !== 'string') {
    throw refuse('text or base64: one of them must be a string');
  }
  // All that the type says was checked.
  return fields as unknown as RecordedInput;
}

function parseEnd(fields: Fields, refuse: Refuse): RecordingEnd {
  check(fields, { ...MOMENT, log: STRINGS }, refuse);
  return fields as unknown as RecordingEnd;
}

function check(fields: Fields, checks: Readonly<Record<string, Check>>, refuse: Refuse): void {
  for (const [name, [isRight, wanted]] of Object.entries(checks)) {
    if (!isRight(fields[name])) throw refuse(`${name}: must be ${wanted}`);
  }
}

/** Neither the engine nor its clock goes back. */
function checkOrder(
  inputs: readonly (RecordedInput & { readonly line: number })[],
  end: RecordingEnd | undefined,
  refuseAt: (line: number) => Refuse,
): void {
  let previous: { n: number; steps: number; ns: number } = { n: -1, steps: 0, ns: 0 };
  for (const input of inputs) {
    const { line, n, steps, ns } = input;
    if (n === previous.n) throw refuseAt(line)(`n: ${n} is there twice`);
    if (steps < previous.steps) throw refuseAt(line)('steps: fewer than those of an earlier input');
    if (ns < previous.ns) throw refuseAt(line)('ns: before an earlier input');
    previous = input;
  }
  if (end && (end.steps < previous.steps || end.ns < previous.ns)) {
    throw refuseAt(inputs.length + 2)('the end is before the last input');
  }
}

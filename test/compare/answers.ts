/** What a kernel answers to sequences, and where two kernels differ. */
import { diffArrays } from 'diff';
import { normalise } from '../recordings/normalise.ts';
import { parseRecording, type Recorded, transcript } from '../recordings/recording.ts';
import { CLEAN, DIRTY } from './script.ts';
import { commandOf, type Sequence } from './steps.ts';

/** Record by record, as far as the kernel got. */
export type Answer = readonly Recorded[];

export interface Answers {
  /** Of the sequences of which the script reached the end. */
  readonly whole: readonly Answer[];
  /** Of the one after those. */
  readonly part: Answer;
}

export interface Difference {
  /** The steps up to the first that is answered differently. */
  readonly sequence: Sequence;
  /** Undefined where the kernel did not get so far. */
  readonly linux: string | undefined;
  readonly klpfs: string | undefined;
}

export function parseAnswers(output: string): Answers {
  const answers: Recorded[][] = [];
  for (const record of parseRecording(wholeLines(output))) {
    const number = Number.parseInt(record.id, 10);
    answers[number] = [...(answers[number] ?? []), record];
  }
  const ended = [...output.matchAll(END)].length;
  return { whole: answers.slice(0, ended), part: answers[ended] ?? [] };
}

const END = new RegExp(`^\\{"note":"(?:${CLEAN}|${DIRTY}.*)"\\}$`, 'gm');

/** A guest that is ended leaves half a line. */
function wholeLines(output: string): string {
  return output.slice(0, output.lastIndexOf('\n') + 1);
}

function textOf(record: Recorded): string {
  const dmesg = record.dmesg.filter((line) => !PASSES.test(line) && !CALL_TRACE.test(line));
  // The end of transitions is always waited for.
  const text = normalise(transcript({ ...record, dmesg, settled_after_ms: 0 }));
  return text.replaceAll(TRAMPOLINE, 'tramp: CODE (');
}

/** Of each pass, of each fifteenth one: how many there were depends on how long one looked. */
const PASSES = /^livepatch: (?:klp_try_switch_task: .*|signaling remaining tasks)$/;

/** A warning's registers and call trace: `call-traces` in docs/differences.md. */
const CALL_TRACE =
  /^(?:CPU: \d|Tainted: |Hardware name: |Call Trace:| <\/?TASK>| (?:\? )?(?:\S+\+)?0x|RIP: |RSP: |R[A-D]X: |RBP: |R1[03]: |Code: )/;

/** It lies where code of a module's init() was, and may be called by its name. */
const TRAMPOLINE = /tramp: \S+(?: \[\w+\])? \(/g;

export function findDifference(
  sequence: Sequence,
  linux: Answer,
  klpfs: Answer,
): Difference | undefined {
  for (const step of sequence.keys()) {
    const [ours, theirs] = [klpfs[step], linux[step]].map((record) => record && textOf(record));
    if (ours !== undefined && ours === theirs) continue;
    return { sequence: sequence.slice(0, step + 1), linux: theirs, klpfs: ours };
  }
  return undefined;
}

/** The steps, then the last answer as a diff. */
export function formatDifference({ sequence, linux = '', klpfs = '' }: Difference): string {
  return [...sequence.map((step) => `$ ${commandOf(step)}`), ...diffLines(linux, klpfs), ''].join(
    '\n',
  );
}

/** Lines of Linux only with `-`, of klpfs only with `+`. */
function diffLines(linux: string, klpfs: string): string[] {
  return diffArrays(linux.split('\n'), klpfs.split('\n')).flatMap(({ value, added, removed }) =>
    value.map((line) => `${added ? '+' : removed ? '-' : ' '} ${line}`),
  );
}

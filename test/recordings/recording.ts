/** A recording: what each command of a probe answered. The oracle's jrec describes the fields. */

export interface Recorded {
  readonly id: string;
  readonly cmd: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
  /** The text of each kernel message logged meanwhile. */
  readonly dmesg: readonly string[];
  /** When it began, seconds since boot. */
  readonly t0: number;
  /** In records that wait for the end of the transition. */
  readonly settled_after_ms?: number;
}

interface Note {
  readonly note: string;
}

/** Reads JSON Lines, leaving out the notes between records. */
export function parseRecording(lines: string): Recorded[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Recorded | Note => JSON.parse(line))
    .filter((line) => 'id' in line);
}

//
const END_OF_TRANSITION =
  /^livepatch: '.*': (?:(?:un)?patching complete|completing (?:un)?patching transition)$/;

/**
 * What a command answered as one text, for `expect` to show side by side.
 *
 * The end of a transition is among the messages only where the command that began it waits for it:
 * elsewhere it is a matter of speed which command is running then.
 */
export function transcript({
  cmd,
  stdout,
  stderr,
  exit,
  dmesg,
  settled_after_ms,
}: Recorded): string {
  const waits = settled_after_ms !== undefined && cmd !== 'true';
  const messages = dmesg.filter((line) => waits || !END_OF_TRANSITION.test(line));
  return [
    stdout,
    section('stderr', stderr),
    `--- exit ${exit}`,
    section('dmesg', messages.join('\n')),
  ]
    .filter((part) => part !== '')
    .map((part) => part.replace(/\n?$/, '\n'))
    .join('');
}

function section(name: string, text: string): string {
  return text && `--- ${name}\n${text}`;
}

/** Signals on the command line. */

/** Those that machines know. */
// biome-ignore format: as kill -l prints them
export const SIGNALS = [
  'HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'PIPE', 'ALRM', 'TERM', 'CHLD', 'CONT', 'STOP',
  'TSTP', 'TTIN', 'TTOU', 'URG', 'WINCH',
];

const DEFAULT_SIGNAL = 'TERM';

export interface Kill {
  /** As it was written, without its dash. */
  readonly signal: string;
  readonly pids: readonly number[];
}

/** `[-SIGNAL] PID...`; a sentence that says what is wrong with it. */
export function parseKill(words: readonly string[]): Kill | string {
  const [first = ''] = words;
  const hasSignal = first.startsWith('-');
  const signal = hasSignal ? first.slice(1) : DEFAULT_SIGNAL;
  const pids = hasSignal ? words.slice(1) : words;
  if (!/^\w+$/.test(signal)) return `'${first}' is no signal`;
  const wrong = pids.find((pid) => !/^[1-9]\d*$/.test(pid));
  if (wrong !== undefined) return `'${wrong}' is no pid: it must be a number above 0`;
  return pids.length > 0 ? { signal, pids: pids.map(Number) } : "missing required argument 'pid'";
}

/** The scenarios of the callbacks document as shell scripts on a real mount. */
import { expect, test } from 'vitest';
import { ERRNO } from '../../src/abi/errno.ts';
import { SCENARIOS } from '../support/callbackScenarios.ts';
import { mountMachine } from './mounted.ts';

/** What a shell types for a command of a transcript; the clock of the machine stands still. */
function toShell(command: string): string {
  const [verb = '', ...words] = command.split(' ');
  const below = (path = '') => (path.startsWith('sys') ? `$M/${path}` : `$K/${path}`);
  switch (verb) {
    case 'insmod':
    case 'rmmod':
      return `echo ${words.join(' ')} > $M/control/${verb}`;
    case 'echo':
      return `echo ${words[0]} > ${below(words[2])}`;
    case 'sleep':
      return `echo +${words[0]}s > $M/control/clock`;
    case 'dmesg':
      return 'timeout 0.3 cat $M/dev/kmsg > $L; tail -n +$((seen + 1)) $L; seen=$(wc -l < $L)';
    default:
      return `${verb} ${below(words[0])}`;
  }
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

const toScript = (transcript: string) =>
  linesOf(transcript)
    .filter((line) => line.startsWith('$ '))
    .map((line) => `echo '${line}'; { ${toShell(line.slice(2))}; } 2>&1`)
    .join('\n');

/** As a transcript writes it: an errno by its name, lines of the log without their heads. */
function asTranscript(line: string): string[] {
  const refused = Object.entries(ERRNO).find(([, { text }]) => line.endsWith(`error: ${text}`));
  if (refused) return [refused[0]];
  const text = line.replace(/^\d+,\d+,\d+,-;/, '').replace(/^livepatch: /, '');
  return /^\w+: (loading|tainting|module verif)|^Linux version|^Command line/.test(text)
    ? []
    : [text];
}

test.each(Object.entries(SCENARIOS))('%s', async (_, transcript) => {
  const { sh } = await mountMachine('{cpus: 1, clock: manual}');
  const control = '$M/sys/kernel/debug/dynamic_debug/control';
  const { output } = await sh(
    `echo 'module livepatch +p' > ${control}; L=$(mktemp); seen=0; ${toScript(transcript)}\nrm $L`,
  );
  // What the workers of this machine are called depends on its other tasks.
  const known = (line: string) => line.replace(/kworker\/\S+/, 'kworker');
  expect(linesOf(output).flatMap(asTranscript).map(known)).toEqual(linesOf(transcript).map(known));
});

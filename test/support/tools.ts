/** Programs of a machine, asked as a shell asks them: through control/tool. */
import { decodeUtf8, encodeUtf8 } from '../../src/abi/bytes.ts';
import { O_RDWR } from '../../src/abi/mode.ts';
import type { Machine } from './machine.ts';

export interface Ran {
  readonly code: number;
  /** What is printed, both streams in their order; lines of stderr begin with `! `. */
  readonly text: string;
}

/** Runs a program that does not wait, with or without the right to load modules. */
export function runTool(machine: Machine, words: readonly string[], file = 'tool'): Ran {
  const open = machine.open(`control/${file}`, O_RDWR);
  const request = encodeUtf8(words.map((word) => `${word}\0`).join(''));
  let offset = machine.finish(open.write(0, request));
  let answer = '';
  for (let bytes = request; bytes.length > 0; ) {
    bytes = machine.finish(open.read(offset, 4096));
    offset += bytes.length;
    answer += decodeUtf8(bytes);
  }
  machine.finish(open.release());
  return decodeAnswer(answer);
}

export function decodeAnswer(answer: string): Ran {
  const [, lines = '', code] = /^(.*)=(\d+)\n$/s.exec(answer) ?? [];
  const text = lines.replace(/^([012])(.*)\n/gm, (_, stream: string, line: string) => {
    return `${stream === '2' ? '! ' : ''}${line}${stream === '0' ? '\0' : '\n'}`;
  });
  return { code: Number(code), text };
}

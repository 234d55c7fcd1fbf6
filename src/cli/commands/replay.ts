/** `klpfs replay`: lives through a recording again, and compares what the kernel says. */
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import type { RecordedInput } from '../../daemon/recordFormat.ts';
import type { Replay, Verdict } from '../../daemon/replay.ts';
import type { Recording } from '../../daemon/replayFile.ts';
import { CommandError, EXIT } from '../commandError.ts';
import { formatRecord, parseRecord } from '../kernelLog.ts';
import { readText } from '../machineText.ts';
import { print, printJson } from '../output.ts';

interface Options {
  readonly log?: true;
  readonly json?: true;
}

/** How long the end of a recording is waited for while its daemon has the file open. */
const END_LIMIT_MS = 2000;
const POLL_MS = 50;
/** Of an input in a message. */
const SHOWN_LENGTH = 300;

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('repeat a recording without a mount, and compare the kernel logs')
    .argument('<file>', 'what klpfs mount --record has written, - for standard input')
    .option('--log', 'print the kernel log of the replay')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The machine is booted as recorded, gets the same inputs at the same moments, and
has to log the same, byte for byte. The first difference is shown, with the
input before it. A recording whose daemon was killed has no log to compare with:
it is replayed as far as it goes.

Exit code: 0 equal, or cut off; 1 different, or no recording.

Examples:
  $ klpfs mount ~/klp --record klp.jsonl
  $ klpfs insmod livepatch-sample; klpfs umount ~/klp
  $ klpfs replay klp.jsonl
  $ klpfs replay klp.jsonl --log | grep livepatch
  $ klpfs replay klp.jsonl --json | jq .verdict`,
    )
    .action(replayFile);
}

async function replayFile(path: string, options: Options): Promise<void> {
  const recording = await readRecording(path);
  const { replay } = await import('../../daemon/replay.ts');
  const replayed = replay(recording);
  if (options.json) {
    printJson(describe(recording, replayed));
  } else if (options.log) {
    print(replayed.log.map((record) => `${formatRecord(parseRecord(record))}\n`).join(''));
  }
  const summary = summarize(recording, replayed);
  const failure = failureOf(replayed.verdict, path);
  if (failure) throw failure;
  if (!options.json && !options.log) print(`${summary}\n`);
}

/** A daemon writes the end when its mount is gone already: that may be just now. */
async function readRecording(path: string): Promise<Recording> {
  const { parseRecording, RecordingError } = await import('../../daemon/replayFile.ts');
  const lastMs = performance.now() + END_LIMIT_MS;
  for (;;) {
    const text = await readText(path);
    try {
      const recording = parseRecording(text, path);
      const isOver = recording.end !== undefined || !isHeldBy(recording.header.pid, path);
      if (isOver || performance.now() > lastMs) return recording;
    } catch (error) {
      throw error instanceof RecordingError ? new CommandError(error.message) : error;
    }
    await setTimeout(POLL_MS);
  }
}

/** Whether that process has the file open. */
function isHeldBy(pid: number, path: string): boolean {
  const descriptors = `/proc/${pid}/fd`;
  try {
    const file = realpathSync(path);
    return readdirSync(descriptors).some((fd) => isLinkTo(`${descriptors}/${fd}`, file));
  } catch {
    return false;
  }
}

function isLinkTo(link: string, file: string): boolean {
  try {
    return readlinkSync(link) === file;
  } catch {
    return false;
  }
}

function describe({ inputs }: Recording, { log, verdict }: Replay) {
  const { kind, ...details } = verdict;
  return { verdict: kind, inputs: inputs.length, records: log.length, ...details };
}

function summarize({ inputs, end }: Recording, { log }: Replay): string {
  const counts = `${inputs.length} inputs, ${log.length} records`;
  return end
    ? `equal: ${counts}`
    : `cut off: ${counts}; the recording has no end, and no log to compare with`;
}

function failureOf(verdict: Verdict, path: string): CommandError | undefined {
  switch (verdict.kind) {
    case 'equal':
    case 'cut-off':
      return undefined;
    case 'strayed':
      return new CommandError(`${path}: an input cannot be repeated`, EXIT.failed, [
        describeInput(verdict.input),
        verdict.reason,
      ]);
    case 'different':
      return new CommandError(`${path}: the kernel logs differ`, EXIT.failed, [
        `recorded: ${verdict.recorded ?? '(no more)'}`,
        `replayed: ${verdict.replayed ?? '(no more)'}`,
        verdict.after ? `after ${describeInput(verdict.after)}` : 'before any input',
      ]);
  }
}

/** Enough of it to find it in the file. */
function describeInput(input: RecordedInput): string {
  const text = JSON.stringify(input);
  const shown = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}...` : text;
  return `input ${shown}`;
}

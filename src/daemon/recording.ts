/** The recording of a machine that runs, from its boot to its end. */
import process from 'node:process';
import type { Logger } from 'pino';
import type { MachineDescription } from '../machine/description.ts';
import type { MachineLoop } from './machineLoop.ts';
import { Recorder } from './recorder.ts';
import { createRecordingFile } from './recordFile.ts';
import { FORMAT_VERSION } from './recordFormat.ts';

export interface RecordingOptions {
  /** Undefined: nothing is recorded. */
  readonly recordFile?: string | undefined;
  readonly description: MachineDescription;
  /** Texts of the manifests that the description names, by the names that it has for them. */
  readonly manifests: ReadonlyMap<string, string>;
  readonly logger: Logger;
}

export interface OngoingRecording {
  readonly recorder: Recorder;
  /** Writes the end; the process lives until it is in the file. */
  readonly end: () => void;
}

/** Begins to record a machine on whose loop nothing has run yet. */
export async function startRecording(
  loop: MachineLoop,
  { recordFile, description, manifests, logger }: RecordingOptions,
): Promise<OngoingRecording | undefined> {
  if (recordFile === undefined) return undefined;
  const file = await createRecordingFile(recordFile, logger);
  const header = {
    klpfs_recording: FORMAT_VERSION,
    pid: process.pid,
    boot_time_ms: loop.kernel.clock.bootTimeMs,
    machine: description,
    manifests: Object.fromEntries(manifests),
  } as const;
  const recorder = new Recorder(loop, header, file.write);
  const end = () => {
    recorder.end();
    void file.close();
  };
  return { recorder, end };
}

/** A tree whose files and directories tell a recorder what is done to them. */
import { mayWrite } from '../abi/mode.ts';
import {
  type Answer,
  type AttributeChange,
  type Caller,
  type Directory,
  type File,
  isContext,
  type OpenFile,
} from '../sysfs/node.ts';
import type { Recorder } from './recorder.ts';
import { encodeBytes, type RecordedEvent, type RecordedInput } from './recordFormat.ts';
import { wrapTree } from './wrapTree.ts';

/** How many inputs that may turn out not to matter are held back for an open file. */
const HELD_MAX = 100;

/** The same tree; whatever can change the machine is recorded before it is done. */
export function recordTree(root: Directory, recorder: Recorder): Directory {
  return wrapTree(root, (node, path) => {
    const change = (change: AttributeChange) => {
      const { mode } = change;
      if (mode !== undefined) recorder.write(recorder.note({ do: 'change', path, mode }));
      node.change(change);
    };
    if (node.kind !== 'file') return { ...node, change };
    return {
      ...node,
      change,
      open: (flags, caller) => openRecorded(recorder, { node, path }, { flags, caller }),
    };
  });
}

/**
 * Reading text changes nothing unless the machine runs code for it. So what is done to a file that
 * is only read is held back until that happens, and forgotten if it never does: who looks at ten
 * thousand files of proc/ leaves no trace.
 */
function openRecorded(
  recorder: Recorder,
  { node, path }: { node: File; path: string },
  { flags, caller }: { flags: number; caller: Caller | undefined },
): OpenFile {
  const file = node.open(flags, caller);
  const use = { file: recorder.nextFile(), path };
  const who = caller && { pid: caller.pid };
  let held: RecordedInput[] | undefined = [recorder.note({ do: 'open', ...use, flags, ...who })];
  if (mayWrite(flags) || node.isOpenInput) writeHeld();

  return {
    read: (offset, size) =>
      record({ do: 'read', ...use, offset, size }, () => file.read(offset, size)),
    write: (offset, data) => {
      writeHeld();
      return record({ do: 'write', ...use, offset, ...encodeBytes(data) }, () =>
        file.write(offset, data),
      );
    },
    // Asking changes nothing.
    ...(file.poll && { poll: file.poll.bind(file) }),
    release: () => record({ do: 'release', ...use }, () => file.release()),
  };

  function record<T>(event: RecordedEvent, operation: () => Answer<T>): Answer<T> {
    const input = recorder.note(event);
    if (held) held.push(input);
    else recorder.write(input);
    const answer = operation();
    if (isContext(answer)) recorder.attribute(answer, input);
    if (isContext(answer) || (held && held.length > HELD_MAX)) writeHeld();
    return answer;
  }

  function writeHeld(): void {
    for (const input of held ?? []) recorder.write(input);
    held = undefined;
  }
}

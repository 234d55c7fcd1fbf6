/** A tree whose files and directories tell a recorder what is done to them. */
import { mayWrite } from '../abi/mode.ts';
import {
  type Answer,
  type AttributeChange,
  type Directory,
  type File,
  isContext,
  type Node,
  type OpenFile,
} from '../sysfs/node.ts';
import type { Recorder } from './recorder.ts';
import { encodeBytes, type RecordedEvent, type RecordedInput } from './recordFormat.ts';

/** How many inputs that may turn out not to matter are held back for an open file. */
const HELD_MAX = 100;

/** The same tree; whatever can change the machine is recorded before it is done. */
export function recordTree(root: Directory, recorder: Recorder): Directory {
  function wrapNode(node: Node, path: string): Node {
    const change = (change: AttributeChange) => {
      const { mode } = change;
      if (mode !== undefined) recorder.write(recorder.note({ do: 'change', path, mode }));
      node.change(change);
    };
    switch (node.kind) {
      case 'directory':
        return { ...wrapDirectory(node, path), change };
      case 'file':
        return { ...node, change, open: (flags) => openRecorded(recorder, node, path, flags) };
      case 'symlink':
        return { ...node, change };
    }
  }

  function wrapDirectory(directory: Directory, path: string): Directory {
    const below = (name: string) => (path === '' ? name : `${path}/${name}`);
    return {
      ...directory,
      lookup: (name) => {
        const node = directory.lookup(name);
        return node && wrapNode(node, below(name));
      },
    };
  }

  return wrapDirectory(root, '');
}

/**
 * Reading text changes nothing unless the machine runs code for it. So what is done to a file that
 * is only read is held back until that happens, and forgotten if it never does: who looks at ten
 * thousand files of proc/ leaves no trace.
 */
function openRecorded(recorder: Recorder, node: File, path: string, flags: number): OpenFile {
  const file = node.open(flags);
  const use = { file: recorder.nextFile(), path };
  let held: RecordedInput[] | undefined = [recorder.note({ do: 'open', ...use, flags })];
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

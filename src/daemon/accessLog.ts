/** Who opens, reads and writes what, for the daemon's log. */
import type { Logger } from 'pino';
import { KernelError } from '../abi/errno.ts';
import {
  type Answer,
  type Caller,
  type Context,
  type Directory,
  type File,
  isContext,
} from '../sysfs/node.ts';
import { wrapTree } from './wrapTree.ts';

/** What is done to a file. Who does it is only there where the transport knows it. */
interface Access {
  readonly access: 'open' | 'read' | 'write';
  readonly path: string;
  readonly caller: Caller | undefined;
}

/** How it ended: in numbers, or with an errno. */
type End = Readonly<Record<string, number | string>>;

/** Logs one access, once. */
type Tell = (end: End) => void;

/** The same tree; what is done to its files is logged when it is done, or refused. */
export function logAccess(root: Directory, logger: Logger): Directory {
  const telling =
    (access: Access): Tell =>
    (end) =>
      logger.info({ ...access, ...end }, 'access');
  return wrapTree(root, (node, path) =>
    node.kind === 'file' ? { ...node, open: openLogged(node, path, telling) } : node,
  );
}

function openLogged(node: File, path: string, telling: (access: Access) => Tell): File['open'] {
  return (flags, caller) => {
    const tellOpen = telling({ access: 'open', path, caller });
    const file = tellingFailure(tellOpen, () => node.open(flags, caller));
    tellOpen({ flags });
    return {
      ...file,
      read: (offset, size, reader) => {
        const tell = telling({ access: 'read', path, caller: reader });
        const answer = tellingFailure(tell, () => file.read(offset, size, reader));
        return tellingAnswer(answer, tell, ({ length }) => ({ offset, bytes: length }));
      },
      write: (offset, data, writer) => {
        const tell = telling({ access: 'write', path, caller: writer });
        const answer = tellingFailure(tell, () => file.write(offset, data, writer));
        return tellingAnswer(answer, tell, (bytes) => ({ bytes }));
      },
    };
  };
}

function tellingAnswer<T>(answer: Answer<T>, tell: Tell, describe: (value: T) => End): Answer<T> {
  if (isContext(answer)) return tellingLater(answer, tell, describe);
  tell(describe(answer));
  return answer;
}

function* tellingLater<T>(
  context: Context<T>,
  tell: Tell,
  describe: (value: T) => End,
): Context<T> {
  let value: T;
  try {
    value = yield* context;
  } catch (error) {
    tell({ errno: errnoOf(error) });
    throw error;
  }
  tell(describe(value));
  return value;
}

function tellingFailure<T>(tell: Tell, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    tell({ errno: errnoOf(error) });
    throw error;
  }
}

/** What the client is told. */
function errnoOf(error: unknown): string {
  return error instanceof KernelError ? error.code : 'EIO';
}

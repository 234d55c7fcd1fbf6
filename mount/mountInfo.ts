/**
 * The mounts that this process sees. Reading them never touches the mounts themselves.
 *
 * Source: Documentation/filesystems/proc.rst §3.5; fs/namespace.c and fs/proc_namespace.c.
 */
import { readFile } from 'node:fs/promises';

/** One line of /proc/<pid>/mountinfo, as far as we need it. */
export interface Mount {
  readonly id: number;
  /** Of the file system, as MAJOR:MINOR. */
  readonly device: string;
  /** Where it is mounted, unescaped. */
  readonly directory: string;
  readonly type: string;
  readonly source: string;
}

/** The type under which our mounts are listed. */
export const MOUNT_TYPE = 'fuse.klpfs';

/** Parses the text of /proc/<pid>/mountinfo. A later mount on the same directory hides an earlier. */
export function parseMountInfo(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): Mount {
  // The dash ends a list of optional fields, before which six are fixed.
  const fields = line.split(' ');
  const dash = fields.indexOf('-', 6);
  const [id = '', , device = '', , directory = ''] = fields;
  const [type = '', source = ''] = fields.slice(dash + 1);
  return {
    id: Number(id),
    device,
    directory: unescapeOctal(directory),
    type,
    source: unescapeOctal(source),
  };
}

/** Blank, tab, newline, backslash and # are octal. Source: fs/seq_file.c:mangle_path(). */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** All mounts, in the order in which they were made. */
export async function readMounts(): Promise<Mount[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** The mounts of klpfs, machines and subtrees alike. Whether somebody still serves them is open. */
export async function listKlpfsMounts(): Promise<Mount[]> {
  return (await readMounts()).filter(({ type }) => type === MOUNT_TYPE);
}

/** What is mounted on a directory, if it is a mount point: the uppermost. */
export async function findMount(directory: string): Promise<Mount | undefined> {
  return (await readMounts()).findLast((mount) => mount.directory === directory);
}

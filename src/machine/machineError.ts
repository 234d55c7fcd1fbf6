/** What is wrong with a text that somebody wrote, and where. */

/** The way to a value: keys and list positions from the top of the document. */
export type Path = readonly (string | number)[];

export interface Complaint {
  /** Both count from 1; both are 0 for a value that did not come from the text. */
  readonly line: number;
  readonly column: number;
  /** As in `tasks[1].pid`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A machine description or a patch manifest was refused. Its message has one line a complaint. */
export class MachineError extends Error {
  readonly fileName: string;
  /** In the order of the text. */
  readonly complaints: readonly Complaint[];

  constructor(fileName: string, complaints: readonly Complaint[]) {
    const sorted = complaints.toSorted((a, b) => a.line - b.line || a.column - b.column);
    super(sorted.map((complaint) => formatComplaint(fileName, complaint)).join('\n'));
    this.name = 'MachineError';
    this.fileName = fileName;
    this.complaints = sorted;
  }
}

export function formatPath(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/** As compilers write it: `machine.yaml:7:3: tasks[1].pid: 42 is taken by ...`. */
function formatComplaint(fileName: string, { line, column, path, message }: Complaint): string {
  const place = line === 0 ? [] : [`${fileName}:${line}:${column}`];
  return [...place, ...(path === '' ? [] : [path]), message].join(': ').replaceAll('\n', ' ');
}

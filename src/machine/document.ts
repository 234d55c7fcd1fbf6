/** YAML text (JSON is YAML too) to a value whose every part knows its place in the text. */
import { type Document, isMap, isSeq, LineCounter, parseDocument } from 'yaml';
import { inspectDocument, keyText, offsetOf, type TextFinding } from './inspection.ts';
import { formatPath, MachineError, type Path } from './machineError.ts';

/** A well-formed document. */
export interface SourceDocument {
  /** As errors name it. */
  readonly fileName: string;
  readonly lines: LineCounter;
  readonly document: Document.Parsed;
  /** Undefined if there is nothing but comments. */
  readonly value: unknown;
}

/** Something wrong with a value; its place is found by its path. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** The value at the path is there, but its key should not be. */
  readonly atKey?: true;
}

/** @throws MachineError if the text is not YAML, or is YAML that cannot be written out. */
export function parseSource(text: string, fileName: string): SourceDocument {
  const lines = new LineCounter();
  try {
    const document = parseText(text, fileName, lines);
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    return { fileName, lines, document, value: value ?? undefined };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const complaint = { line: 1, column: 1, path: '', message: 'is nested too deeply' };
    throw new MachineError(fileName, [complaint]);
  }
}

function parseText(text: string, fileName: string, lines: LineCounter): Document.Parsed {
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Its own check for keys that are given twice takes time quadratic in their number.
    uniqueKeys: false,
    logLevel: 'error',
  });
  const errors = [...document.errors, ...document.warnings];
  const tooDeep = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (tooDeep) throw new RangeError(tooDeep.message);
  const malformed = errors.map(({ message, pos }) => ({ offset: pos[0], message }));
  refuseText(fileName, lines, malformed);
  refuseText(fileName, lines, inspectDocument(document, lines));
  return document;
}

function refuseText(fileName: string, lines: LineCounter, findings: readonly TextFinding[]): void {
  if (findings.length === 0) return;
  const complaints = findings.map(({ offset, message }) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col, path: '', message };
  });
  throw new MachineError(fileName, complaints);
}

/** More than that nobody reads. */
const COMPLAINTS_MAX = 50;

export function refusal(source: SourceDocument, findings: readonly Finding[]): MachineError {
  const complaints = findings.slice(0, COMPLAINTS_MAX).map((finding) => ({
    ...positionOf(source, finding),
    path: formatPath(finding.path),
    message: finding.message,
  }));
  return new MachineError(source.fileName, complaints);
}

/** The line on which the value begins. */
export function lineOf(source: SourceDocument, path: Path): number {
  return positionOf(source, { path, message: '' }).line;
}

/** Where the value begins, or what is nearest: the alias that stands for it, what it is missing from. */
function positionOf({ document, lines }: SourceDocument, { path, atKey }: Finding) {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const [depth, step] of path.entries()) {
    const pair = isMap(node)
      ? node.items.find(({ key }) => keyText(key) === String(step))
      : undefined;
    const child: unknown = pair
      ? (pair.value ?? pair.key)
      : isSeq(node)
        ? node.items[Number(step)]
        : undefined;
    if (child === undefined) break;
    const isLast = depth === path.length - 1;
    offset = offsetOf(atKey && isLast && pair ? pair.key : child) ?? offset;
    node = child;
  }
  const { line, col } = lines.linePos(offset ?? 0);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

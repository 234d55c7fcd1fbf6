/** The machine in force, in the words of the file format. */
import { Document, stringify, visit, type YAMLMap, type YAMLSeq } from 'yaml';
import type { MachineDescription, SymbolDescription, Symbols } from './description.ts';

const LINE_WIDTH = 100;
const FORMAT = { lineWidth: LINE_WIDTH, flowCollectionPadding: false } as const;

/** As YAML that parses to the same machine. As JSON, a description can be printed as it is. */
export function describeMachine({ symbols, ...machine }: MachineDescription): string {
  const document = new Document(machine);
  visit(document, {
    Collection: (_, node, path) => {
      if (fitsOnLine(node, path.length)) node.flow = true;
    },
  });
  return document.toString(FORMAT) + describeSymbols(symbols);
}

function fitsOnLine(node: YAMLMap | YAMLSeq, depth: number): boolean {
  const text = stringify(node, { ...FORMAT, collectionStyle: 'flow', lineWidth: 0 });
  return depth > 1 && text.length + 2 * depth <= LINE_WIDTH;
}

/** Hundreds of names, as many to a line as there is room for. */
function describeSymbols(symbols: Symbols): string {
  const objects = Object.entries(symbols).map(
    ([object, list]) => `  ${stringify(object).trim()}: [\n${fill(list.map(describeSymbol))}]\n`,
  );
  return `symbols:\n${objects.join('')}`;
}

function describeSymbol(symbol: SymbolDescription): string {
  return stringify(symbol, { ...FORMAT, collectionStyle: 'flow' }).trim();
}

function fill(words: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    const longer = line === '' ? `    ${word},` : `${line} ${word},`;
    if (longer.length > LINE_WIDTH && line !== '') {
      lines.push(line);
      line = `    ${word},`;
    } else {
      line = longer;
    }
  }
  return `${[...lines, line].join('\n')}\n  `;
}

/** What YAML allows and a description should not have: keys given twice, aliases that explode. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type YAMLMap,
} from 'yaml';

/** Something wrong with the text, at an offset into it. */
export interface TextFinding {
  readonly offset: number;
  readonly message: string;
}

interface Inspection {
  readonly lines: LineCounter;
  readonly findings: TextFinding[];
  /** How many values each anchor stands for; undefined while its own value is being read. */
  readonly anchors: Map<string, number | undefined>;
  valuesFromAliases: number;
}

/** So many values can come from aliases: enough for any machine, too few to exhaust a daemon. */
const ALIASED_VALUES_MAX = 100_000;

export function inspectDocument(document: Document.Parsed, lines: LineCounter): TextFinding[] {
  const inspection: Inspection = { lines, findings: [], anchors: new Map(), valuesFromAliases: 0 };
  measure(inspection, document.contents);
  return inspection.findings;
}

/** Answers how many values there are once all aliases are replaced by what they stand for. */
function measure(inspection: Inspection, node: unknown): number {
  if (isAlias(node)) return measureAlias(inspection, node);
  if (isPair(node)) return measure(inspection, node.key) + measure(inspection, node.value);
  if (!isNode(node)) return 0;
  if (node.anchor) inspection.anchors.set(node.anchor, undefined);
  if (isMap(node)) findRepeatedKeys(inspection, node);
  let values = 1;
  if (isMap(node) || isSeq(node)) {
    for (const item of node.items) values += measure(inspection, item);
  }
  if (node.anchor) inspection.anchors.set(node.anchor, values);
  return values;
}

function measureAlias(inspection: Inspection, alias: Alias): number {
  const { anchors, findings, valuesFromAliases } = inspection;
  const values = anchors.get(alias.source);
  const complain = (message: string) => findings.push({ offset: offsetOf(alias) ?? 0, message });
  if (values === undefined) {
    complain(
      anchors.has(alias.source)
        ? `*${alias.source} stands for something that contains it: an alias cannot loop`
        : `*${alias.source} stands for nothing: no &${alias.source} comes before it`,
    );
    return 1;
  }
  inspection.valuesFromAliases += values;
  const isFirstTooMany =
    valuesFromAliases <= ALIASED_VALUES_MAX && inspection.valuesFromAliases > ALIASED_VALUES_MAX;
  if (isFirstTooMany)
    complain(`aliases stand for more than ${ALIASED_VALUES_MAX} values up to here`);
  return values;
}

function findRepeatedKeys({ lines, findings }: Inspection, map: YAMLMap): void {
  const offsets = new Map<string, number>();
  for (const { key } of map.items) {
    const name = keyText(key);
    const offset = offsetOf(key) ?? 0;
    const first = offsets.get(name);
    if (first === undefined) offsets.set(name, offset);
    else
      findings.push({
        offset,
        message: `'${name}' is given twice, first on line ${lines.linePos(first).line}`,
      });
  }
}

/** A key as it is called after toJS(). */
export function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/** The offset at which a node begins; undefined for a value that is not written out. */
export function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

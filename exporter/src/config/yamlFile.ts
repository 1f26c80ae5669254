import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { ConfigPath, ConfigProblem } from './problem.ts';

/** A parsed YAML file: its value, and where its keys stand. */
export interface YamlFile {
  readonly value: unknown;
  /** What the YAML itself has wrong; then there is no value. */
  readonly problems: readonly ConfigProblem[];
  /** @returns the line of the key at `path`, or of the nearest key above it that is in the file. */
  lineOf(path: ConfigPath): number | undefined;
}

/**
 * `${NAME:-default}` is no plain YAML scalar inside `{…}` or `[…]`, where configurations are often written. So that it need
 * not be quoted there, references are parsed as characters of a private use plane that mean nothing to YAML.
 */
const REFERENCE = /\$?\$\{[^}\n]*\}/g;
const SHIELD = 0x10fe00;

function shield(reference: string): string {
  return reference.replace(/[\x20-\x7e]/g, (character) => String.fromCodePoint(SHIELD + character.charCodeAt(0)));
}

function unshield(text: string): string {
  return text.replace(/[\u{10fe00}-\u{10fe7f}]/gu, (character) =>
    String.fromCharCode((character.codePointAt(0) ?? SHIELD) - SHIELD),
  );
}

/** Parses YAML 1.2 with merge keys; a key that stands twice is an error, and aliases cannot grow without bound. */
export function parseYamlFile(text: string): YamlFile {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, merge: true } as const;
  const document = parseDocument(text.replace(REFERENCE, shield), options);
  const unshieldScalar = (_key: unknown, node: { value: unknown }) => {
    if (typeof node.value === 'string') node.value = unshield(node.value);
  };
  visit(document, { Scalar: unshieldScalar });
  // Behind the first syntax error the parser is lost and reports its own confusion; keys that stand twice are each meant.
  const errors = document.errors.filter((error, index) => index === 0 || error.code === 'DUPLICATE_KEY');
  const problems: ConfigProblem[] = errors.map((error) => ({
    path: [],
    line: lines.linePos(error.pos[0]).line,
    message: `not valid YAML: ${unshield(error.message)}`,
  }));
  const lineOf = (path: ConfigPath): number | undefined => {
    let offset: number | undefined;
    let node: Node | null = document.contents;
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(document) ?? null;
      const child = childOf(node, part);
      if (child === undefined) break;
      offset = child.offset ?? offset;
      node = child.node;
    }
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  return { value: problems.length > 0 ? undefined : document.toJS(), problems, lineOf };
}

function childOf(
  node: Node | null,
  part: string | number,
): { offset: number | undefined; node: Node | null } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
    if (pair === undefined || !isScalar(pair.key)) return undefined;
    return { offset: pair.key.range?.[0], node: isNode(pair.value) ? pair.value : null };
  }
  if (isSeq(node) && typeof part === 'number') {
    const item = node.items[part];
    return isNode(item) ? { offset: item.range?.[0], node: item } : undefined;
  }
  return undefined;
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value);
}

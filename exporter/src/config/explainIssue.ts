import { z } from 'zod';
import type { ConfigPath } from './problem.ts';
import { hideUrlCredentials, isSecretKey } from './secretNames.ts';

const LONGEST_FOUND = 60;

/** What a zod issue says to the person who wrote the file: its place, what was found there and what was expected. */
export interface Explained {
  readonly path: ConfigPath;
  readonly message: string;
  /** Set where another type was expected than the one found: an interpolated text may become it. */
  readonly wrongType: boolean;
}

/**
 * @param issue an issue of `schema`.
 * @param root the value that was parsed.
 * @returns one explanation, or one for each unknown key.
 */
export function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType, root: unknown): Explained[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path);
    const expected = known.length === 0 ? '' : `, expected one of ${known.join(', ')}`;
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key${expected}`, wrongType: false }));
  }
  if (issue.code === 'invalid_key') {
    const inner = issue.issues.map((keyIssue) => expected(keyIssue)).join('; ');
    return [{ path, message: `unknown key, ${inner}`, wrongType: false }];
  }
  const deeper = issue.code === 'invalid_union' ? branchThatReachesDeeper(issue, path) : undefined;
  if (deeper !== undefined) return deeper.flatMap((inner) => explainIssue(inner, schema, root));
  const expectation = expected(issue);
  const value = valueAt(root, path);
  // A rule over a whole mapping says itself what it found in it.
  const namesFound = issue.code !== 'custom' || typeof value !== 'object';
  const found = describeFound(value, path);
  return [
    {
      path,
      message: namesFound && /^expected\b/.test(expectation) ? `found ${found}, ${expectation}` : expectation,
      wrongType: issue.code === 'invalid_type' || issue.code === 'invalid_union',
    },
  ];
}

/** A union that failed inside one of its members (the third address of a list) is explained there, not as a whole. */
function branchThatReachesDeeper(
  issue: z.core.$ZodIssueInvalidUnion,
  path: ConfigPath,
): z.core.$ZodIssue[] | undefined {
  const branch = issue.errors.find((issues) => issues.some((inner) => inner.path.length > 0));
  return branch?.map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
}

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeWord(issue.expected)}`;
    case 'invalid_value':
      return `expected ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return unionExpectation(issue);
    case 'too_small':
      return (
        stated(issue) ??
        `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}${unitOf(issue.origin)}`
      );
    case 'too_big':
      return (
        stated(issue) ?? `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${unitOf(issue.origin)}`
      );
    default:
      return issue.message;
  }
}

/** A message that the schema itself gives goes before the generic one. */
function stated(issue: z.core.$ZodIssue): string | undefined {
  return issue.message.startsWith('expected') ? issue.message : undefined;
}

function unionExpectation(issue: z.core.$ZodIssueInvalidUnion): string {
  const parts = issue.errors.flat().map((inner) => expected(inner).replace(/^expected /, ''));
  return parts.length === 0 ? issue.message : `expected ${[...new Set(parts)].join(' or ')}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function typeWord(type: string): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    string: 'text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  return words[type] ?? type;
}

/** @returns what stands at `path`, without any secret. */
function describeFound(value: unknown, path: ConfigPath): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  // Any key above counts: a mapping of users to passwords has its secrets under the users' names.
  if (path.some((part) => typeof part === 'string' && isSecretKey(part))) return 'a secret (not shown)';
  if (typeof value !== 'string') return String(value);
  const shown = hideUrlCredentials(value);
  return JSON.stringify(shown.length > LONGEST_FOUND ? `${shown.slice(0, LONGEST_FOUND)}…` : shown);
}

/** @returns the value at `path` below `root`, or undefined. */
export function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, part)?.value;
  }
  return value;
}

/** The keys that a mapping may have, read from the schema's JSON Schema, which has transforms and defaults resolved. */
function knownKeys(schema: z.ZodType, path: ConfigPath): string[] {
  let node: unknown = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  for (const part of path) {
    const property = valueAt(node, ['properties', String(part)]);
    node = typeof part === 'number' ? valueAt(node, ['items']) : (property ?? valueAt(node, ['additionalProperties']));
  }
  const names = valueAt(node, ['propertyNames', 'enum']);
  return Array.isArray(names) ? names.map(String) : Object.keys(valueAt(node, ['properties']) ?? {});
}

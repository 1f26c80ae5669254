import { parse, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Explained, explainIssue, valueAt } from './explainIssue.ts';
import { type ConfigPath, formatPath } from './problem.ts';

export type Checked<Output> =
  | { readonly ok: true; readonly output: Output }
  | { readonly ok: false; readonly problems: readonly Explained[] };

/**
 * Checks `value` against `schema`. A text that came from the environment, and stands where text is refused, is read as
 * YAML would read it (`max_series: ${MAX}` with MAX=500 is a number; a token of digits stays text).
 * @param prefix the place of `value` in the file; paths in the answer are relative to `value`.
 */
export async function checkValue<Output>(
  schema: z.ZodType<Output>,
  value: unknown,
  interpolated: ReadonlySet<string>,
  prefix: ConfigPath = [],
): Promise<Checked<Output>> {
  let current = value;
  for (;;) {
    const result = await schema.safeParseAsync(current);
    if (result.success) return { ok: true, output: result.data };
    const root = current;
    const problems = result.error.issues.flatMap((issue) => explainIssue(issue, schema, root));
    const converted = problems.reduce((copy, { path, wrongType }) => {
      const text = valueAt(copy, path);
      if (!wrongType || typeof text !== 'string' || !interpolated.has(formatPath([...prefix, ...path]))) return copy;
      const scalar = readScalar(text);
      return typeof scalar === 'string' ? copy : withValueAt(copy, path, scalar);
    }, current);
    if (converted === current) return { ok: false, problems };
    current = converted;
  }
}

/** Only numbers and booleans: an environment variable never becomes a list or a mapping. */
function readScalar(text: string): string | number | boolean {
  if (parseDocument(text).errors.length > 0) return text;
  const scalar: unknown = parse(text);
  return typeof scalar === 'number' || typeof scalar === 'boolean' ? scalar : text;
}

/** @returns a copy of `root` with `value` at `path`; as it was where there is no such place. */
export function withValueAt(root: unknown, path: ConfigPath, value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (Array.isArray(root)) return root.map((item, index) => (index === head ? withValueAt(item, rest, value) : item));
  if (typeof root !== 'object' || root === null) return root;
  return { ...root, [head]: withValueAt(valueAt(root, [head]), rest, value) };
}

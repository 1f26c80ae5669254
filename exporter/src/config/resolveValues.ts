import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { interpolate } from './interpolate.ts';
import { type ConfigPath, type ConfigProblem, formatPath } from './problem.ts';
import { secretOfFileKey } from './secretNames.ts';

export interface ResolvedValues {
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Places (as {@link formatPath} writes them) whose text came from the environment, so that it may stand for a number. */
  readonly interpolated: ReadonlySet<string>;
}

/**
 * Puts environment variables and the contents of secret files where the file refers to them. A key whose reference has
 * an empty default and an unset variable (`${X:-}`) counts as absent.
 * @param baseDirectory what relative file names are relative to.
 */
export async function resolveValues(
  root: unknown,
  env: Readonly<Record<string, string | undefined>>,
  baseDirectory: string,
): Promise<ResolvedValues> {
  const problems: ConfigProblem[] = [];
  const interpolated = new Set<string>();

  async function walk(value: unknown, path: ConfigPath): Promise<unknown> {
    if (typeof value === 'string') return resolveText(value, path);
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => walk(item, [...path, index])));
    if (typeof value !== 'object' || value === null) return value;
    const result: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) {
      if (key === '__proto__') problems.push({ path: [...path, key], message: 'unknown key' });
      else result[key] = await walk(child, [...path, key]);
      if (result[key] === undefined) delete result[key];
    }
    await readSecrets(result, path);
    return result;
  }

  function resolveText(text: string, path: ConfigPath): string | undefined {
    const outcome = interpolate(text, env);
    if (outcome.kind === 'literal') return text;
    if (outcome.kind === 'problem') {
      problems.push({ path, message: outcome.message });
      return undefined;
    }
    interpolated.add(formatPath(path));
    return outcome.text === '' ? undefined : outcome.text;
  }

  async function readSecrets(mapping: Record<string, unknown>, path: ConfigPath): Promise<void> {
    if (!mayHoldSecretFiles(path)) return;
    for (const [key, file] of Object.entries(mapping)) {
      const secret = secretOfFileKey(key);
      if (secret === undefined || typeof file !== 'string') continue;
      delete mapping[key];
      const at = [...path, key];
      if (mapping[secret] !== undefined) {
        problems.push({ path: at, message: `found both ${secret} and ${key}, expected one of them` });
        continue;
      }
      const content = await readSecretFile(resolve(baseDirectory, file), file);
      if (content.problem === undefined) mapping[secret] = content.text;
      else problems.push({ path: at, message: content.problem });
    }
  }

  return { value: await walk(root, []), problems, interpolated };
}

/** Only where secrets belong: elsewhere a key such as `x_url_file` is an unknown key and is reported as one. */
function mayHoldSecretFiles(path: ConfigPath): boolean {
  return (
    ((path[0] === 'ledger' || path[0] === 'rate_limit' || path[0] === 'grafana') && path.length === 1) ||
    (path[0] === 'tokens' && path.length === 2) ||
    (path[0] === 'audit' && path[1] === 'webhook' && path.length === 2) ||
    (path[0] === 'budgets' && path[1] === 'notify' && path.length === 3) ||
    path[0] === 'sources'
  );
}

type SecretFile = { readonly text: string; readonly problem?: undefined } | { readonly problem: string };

async function readSecretFile(path: string, written: string): Promise<SecretFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { problem: `found ${JSON.stringify(written)}, expected a file that can be read (${error.code}: ${path})` };
  }
  // Editors and `echo` end a file with a newline that is no part of the secret.
  const secret = text.replace(/\s+$/, '');
  if (secret === '') return { problem: `found the empty file ${JSON.stringify(written)}, expected a secret in it` };
  return { text: secret };
}

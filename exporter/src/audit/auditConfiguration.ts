import { hostname, userInfo } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { type Config, describeConfig } from '../config.ts';
import type { AuditEntry } from '../ledger/writeAudit.ts';

/** The configuration that an exporter starts with: as `config check` shows it, without secrets. */
export function auditStart(config: Config): AuditEntry {
  const request = { configuration: describeConfig(config) };
  return { actor: whoRunsThis(), action: 'configuration_change', target: 'start', request };
}

/**
 * What a reload changed. Of a secret only its key is told.
 * @param needRestart keys that changed and are not in force yet
 * @returns undefined where nothing changed.
 */
export function auditReload(before: Config, after: Config, needRestart: readonly string[]): AuditEntry | undefined {
  const changed = changedKeys(before, after).sort();
  if (changed.length === 0) return undefined;
  const request = { changed, needRestart, configuration: describeConfig(after) };
  return { actor: whoRunsThis(), action: 'configuration_change', target: 'reload', request };
}

/** A signal does not say who sent it: the account and machine that the exporter runs on are what is known. */
function whoRunsThis(): string {
  return `${accountName()}@${hostname()}`;
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the account may have no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Names of what the configuration keeps under another key than the file does; `''`: the file has no such level. */
const KEYS_OF_FILE: Readonly<Record<string, string>> = { options: '', sha256: 'token' };

/** @returns the keys, as they stand in the file, whose values differ; entries of a list go by their names. */
export function changedKeys(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [old, fresh] = [byKey(before), byKey(after)];
  if (old === undefined || fresh === undefined) return [path.join('.')];
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((key) => {
    const name = KEYS_OF_FILE[key] ?? key;
    return changedKeys(old.get(key), fresh.get(key), name === '' ? path : [...path, name]);
  });
}

/** A mapping by its keys, a list by the names of its entries; undefined of anything else. */
function byKey(value: unknown): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const named = value.map((item: unknown) =>
    typeof item === 'object' && item !== null ? Reflect.get(item, 'name') : undefined,
  );
  return named.every((name) => typeof name === 'string')
    ? new Map(named.map((name, i) => [name, value[i]]))
    : undefined;
}

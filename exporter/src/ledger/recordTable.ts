import type { Kind } from '../contract/records.ts';
import { LEDGER_SCHEMA } from './migrate.ts';

/** The table of a kind: `platformError` -> `fleetlens.platform_error`. Kinds are a closed list, so this is safe in SQL. */
export function recordTable(kind: Kind): string {
  return `${LEDGER_SCHEMA}.${kind.replace(/[A-Z]/g, (upper) => `_${upper.toLowerCase()}`)}`;
}

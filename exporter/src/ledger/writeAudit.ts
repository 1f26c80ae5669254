import { randomUUID } from 'node:crypto';
import { OWN_SOURCE } from '../contract/ownSource.ts';
import { cleanValue, ValueRefused } from '../normalise/cleanValue.ts';
import { DEFAULT_VALUE_LIMITS, normaliseData } from '../normalise/normaliseEvent.ts';
import { redactValue } from '../telemetry/redactValue.ts';
import { recordEvents } from './recordEvents.ts';
import type { Transaction } from './transaction.ts';

/** Something that was done, or refused, here. */
export interface AuditEntry {
  /** Who: a person's login, a token's name. */
  readonly actor: string;
  /** A word of the contract's AUDIT_ACTIONS, or one of its own, which counts as `other`. */
  readonly action: string;
  readonly project?: string | undefined;
  /** What it was done to, `run <source>/<id>` say. */
  readonly target?: string | undefined;
  /** The whole body of the request; secrets in it are replaced before it is stored. */
  readonly request?: unknown;
  /** When it happened, canonical RFC 3339. Default: now, by the database's clock. */
  readonly at?: string;
  /** What has no field of its own: role, request id, why it was refused. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * Records an audit entry of the exporter's own source, in the transaction of what it is about: neither is there without the
 * other.
 * @returns the entry's id.
 */
export async function writeAudit(tx: Transaction, entry: AuditEntry): Promise<string> {
  const auditId = randomUUID();
  const { request, attributes, at = new Date(tx.nowMs).toISOString(), ...said } = entry;
  const data = {
    auditId,
    at,
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
    ...(request === undefined ? {} : { request: storable(redactValue(request)) }),
    ...(attributes === undefined ? {} : { attributes }),
  };
  const { key, fields } = normaliseData('audit', data, at);
  // What the exporter does itself has no rhythm that a silence would break.
  const reading = { newestMs: tx.nowMs, eventMs: [], backfilled: true, fresh: true };
  await tx.begin([{ source: OWN_SOURCE, way: 'push', ...reading }]);
  await recordEvents([{ id: auditId, source: OWN_SOURCE, kind: 'audit', at, key, fields }], tx.recording());
  return auditId;
}

/** A body that the ledger cannot hold must not keep the entry from being written. */
function storable(request: unknown): unknown {
  try {
    return cleanValue(request, DEFAULT_VALUE_LIMITS);
  } catch (error) {
    if (error instanceof ValueRefused) return { notKept: error.message };
    throw error;
  }
}

import type { RefusedUseReport } from '../http/refusedUse.ts';
import type { AuditEntry } from '../ledger/writeAudit.ts';

/** Credentials that were refused: whose, where and from which address, and how many more there were. */
export function auditRefusedUse({ principalName, route, reason, address, unreported }: RefusedUseReport): AuditEntry {
  return {
    actor: principalName ?? 'unknown',
    action: 'token_refused',
    target: route,
    attributes: { reason, address, ...(unreported === 0 ? {} : { leftOut: unreported }) },
  };
}

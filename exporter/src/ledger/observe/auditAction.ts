import { AUDIT_ACTIONS } from '../../contract/records.ts';

/** Actions that have a label value of their own; any other counts as `other`, and the record keeps its word. */
export function isClosedAuditAction(action: string): boolean {
  return AUDIT_ACTIONS.some((known) => known === action);
}

const ACTIONS = new Set(['session_launch', 'persona_edit', 'budget_override', 'pr_merge', 'budget_acknowledge']);

/** Actions that have a label value of their own; any other counts as `other`, and the record keeps its word. */
export function isClosedAuditAction(action: string): boolean {
  return ACTIONS.has(action);
}

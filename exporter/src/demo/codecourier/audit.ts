import type { Random } from '../random.ts';
import type { Story } from '../story.ts';

/** Tells an entry of the audit log. */
export function tellAudit(
  story: Story,
  random: Random,
  ms: number,
  entry: {
    readonly actor: string;
    readonly action: 'session_launch' | 'persona_edit' | 'budget_override' | 'pr_merge';
    readonly project: string;
    readonly target: string;
    readonly request: Readonly<Record<string, unknown>>;
  },
): void {
  const auditId = `aud_${random.token(16)}`;
  story.tell('audit', ms, auditId, { auditId, ...entry });
}

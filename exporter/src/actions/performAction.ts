import { rolesFrom } from '../config/roles.ts';
import type { Config } from '../config.ts';
import type { Principal } from '../http/auth.ts';
import { HttpError } from '../http/httpError.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { writeAudit } from '../ledger/writeAudit.ts';
import type { Action } from './action.ts';

/** Who asks for what. */
export interface ActionRequest {
  readonly principal: Principal;
  /** The whole body, for the audit entry. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}

/**
 * Does what a request asks for, in one transaction with its audit entry. A refusal is audited too.
 * @throws HttpError 403 without the role, or what the action refuses with; z.ZodError where the input is not as the action says.
 */
export async function performAction(
  ledger: Ledger,
  action: Action,
  { principal, body, requestId }: ActionRequest,
  config: Config,
): Promise<Readonly<Record<string, unknown>>> {
  const actor = actorOf(principal);
  const by = { role: principal.role, by: principal.kind, requestId };
  try {
    if (!mayPerform(principal, action)) {
      const expected = rolesFrom(action.role).join(', ');
      const message = `${action.name}: found role ${principal.role}, expected one of ${expected}`;
      throw new HttpError(403, 'forbidden', message);
    }
    const { action: _name, ...input } = body;
    const run = action.prepare(input);
    return await ledger.transaction(async (tx) => {
      const at = new Date(tx.nowMs).toISOString();
      const { answer, audit } = await run({ tx, principal, actor, at, config });
      if (audit !== undefined && action.auditAs !== undefined) {
        await writeAudit(tx, { actor, action: action.auditAs, ...audit, request: body, attributes: by });
      }
      return answer;
    });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    await ledger.transaction((tx) =>
      writeAudit(tx, {
        actor,
        action: 'action_refused',
        target: action.name,
        request: body,
        attributes: { ...by, reason: error.message },
      }),
    );
    throw error;
  }
}

/** @returns whether the role of who asks reaches the action; what of it they may see is another matter. */
export function mayPerform({ role }: Principal, action: Action): boolean {
  return rolesFrom(action.role).some((one) => one === role);
}

/** @returns who asks, as audit entries and records name it. */
function actorOf({ name, kind }: Principal): string {
  return name ?? kind;
}

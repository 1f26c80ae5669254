import type { z } from 'zod';
import type { ReadingRole } from '../config/roles.ts';
import type { Config } from '../config.ts';
import type { Principal } from '../http/auth.ts';
import type { Transaction } from '../ledger/ledger.ts';

/** What an action is given to work with. */
export interface ActionContext {
  /** Everything is read and written in it: it commits when the action returns, with its audit entry. */
  readonly tx: Transaction;
  /** Who asks; its role was checked, its `projects` are the action's to respect. */
  readonly principal: Principal;
  /** {@link Principal} as audit entries and records name it. */
  readonly actor: string;
  /** The database's clock, canonical RFC 3339. */
  readonly at: string;
  readonly config: Config;
}

export interface ActionOutcome {
  /** The body of the answer. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Of the audit entry; absent where nothing changed, so that there is nothing to audit. */
  readonly audit?: { readonly project?: string | undefined; readonly target: string };
}

interface Definition<Input extends z.ZodObject> {
  /** What `action` names in the body. */
  readonly name: string;
  /** The least role that may. */
  readonly role: ReadingRole;
  /** One sentence for the API's description. */
  readonly summary: string;
  /** What stands in the body besides `action`. */
  readonly input: Input;
  /** The action of the audit entry. Absent: what a person does with what is theirs alone, which is no matter of the audit trail. */
  readonly auditAs?: string;
  /** @throws HttpError where it may not or cannot be done; nothing of it is kept then, and the refusal is audited. */
  run(context: ActionContext, input: z.output<Input>): Promise<ActionOutcome>;
}

/** An action whose input is checked when it runs. */
export interface Action extends Omit<Definition<z.ZodObject>, 'run'> {
  /** @throws z.ZodError where the body is not as `input` says. */
  prepare(body: Readonly<Record<string, unknown>>): (context: ActionContext) => Promise<ActionOutcome>;
}

export function defineAction<Input extends z.ZodObject>(definition: Definition<Input>): Action {
  return {
    ...definition,
    prepare(body) {
      const input = definition.input.parse(body);
      return (context) => definition.run(context, input);
    },
  };
}

/** @returns whether the principal may see and change what belongs to the project; what belongs to none is for who sees all. */
export function seesProject({ projects }: Principal, project: unknown): boolean {
  return projects === undefined || (typeof project === 'string' && projects.includes(project));
}

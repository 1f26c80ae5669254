import type { z } from 'zod';
import type { ReadingRole } from '../config/roles.ts';
import type { Config } from '../config.ts';
import { ACTION_TYPES, type ActionAnswer, type ActionName } from '../contract/actions.ts';
import type { Principal } from '../http/auth.ts';
import type { Transaction } from '../ledger/transaction.ts';

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

export interface ActionOutcome<Answer = ActionAnswer<ActionName>> {
  /** The body of the answer. */
  readonly answer: Answer;
  /** Of the audit entry; absent where nothing changed, so that there is nothing to audit. */
  readonly audit?: { readonly project?: string | undefined; readonly target: string };
}

interface Definition<Name extends ActionName> {
  /** What `action` names in the body. */
  readonly name: Name;
  /** The least role that may. */
  readonly role: ReadingRole;
  /** One sentence for the API's description. */
  readonly summary: string;
  /** The action of the audit entry. Absent: what a person does with what is theirs alone, which is no matter of the audit trail. */
  readonly auditAs?: string;
  /** @throws HttpError where it may not or cannot be done; nothing of it is kept then, and the refusal is audited. */
  run(
    context: ActionContext,
    input: z.output<(typeof ACTION_TYPES)[Name]['input']>,
  ): Promise<ActionOutcome<ActionAnswer<Name>>>;
}

/** An action whose input is checked when it runs. */
export interface Action extends Omit<Definition<ActionName>, 'run'> {
  /** What stands in the body besides `action`. */
  readonly input: z.ZodObject;
  readonly answer: z.ZodObject;
  /** @throws z.ZodError where the body is not as `input` says. */
  prepare(body: Readonly<Record<string, unknown>>): (context: ActionContext) => Promise<ActionOutcome>;
}

export function defineAction<Name extends ActionName>(definition: Definition<Name>): Action {
  const { input, answer } = ACTION_TYPES[definition.name];
  return {
    ...definition,
    input,
    answer,
    prepare(body) {
      // What the schema of this name lets through is what it runs with.
      const checked = input.parse(body) as z.output<(typeof ACTION_TYPES)[Name]['input']>;
      return (context) => definition.run(context, checked);
    },
  };
}

/** @returns whether the principal may see and change what belongs to the project; what belongs to none is for who sees all. */
export function seesProject({ projects }: Principal, project: unknown): boolean {
  return projects === undefined || (typeof project === 'string' && projects.includes(project));
}

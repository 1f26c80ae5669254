import type { z } from 'zod';
import type { Config, Role } from '../config.ts';
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
  readonly role: ActionRole;
  /** One sentence for the API's description. */
  readonly summary: string;
  /** What stands in the body besides `action`. */
  readonly input: Input;
  /** The action of the audit entry. */
  readonly auditAs: string;
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

/** Roles of people and programs, each may what those before it may. */
const RANKS = ['viewer', 'operator', 'builder', 'admin'] as const satisfies readonly Role[];
export type ActionRole = (typeof RANKS)[number];

/** @returns the roles that may do what `least` may. */
export function rolesFrom(least: ActionRole): readonly Role[] {
  return RANKS.slice(RANKS.indexOf(least));
}

/** @returns whether the principal may see and change what belongs to the project; what belongs to none is for who sees all. */
export function seesProject({ projects }: Principal, project: unknown): boolean {
  return projects === undefined || (typeof project === 'string' && projects.includes(project));
}

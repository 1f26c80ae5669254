import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config.ts';
import { budgetOf, type GateAnswer, gateQuery } from '../../contract/budgets.ts';
import type { BudgetPolicy } from '../../ledger/budgets/budgetPolicy.ts';
import type { Paused } from '../../ledger/budgets/readPaused.ts';
import { HttpError } from '../httpError.ts';
import { readQuery, sendJson } from '../readRequest.ts';
import type { PauseBoard } from './pauseBoard.ts';

export interface GateOptions {
  readonly board: PauseBoard;
  policy(): BudgetPolicy | undefined;
  config(): Pick<Config, 'budgets'>;
}

/** What a launcher asks for. */
interface Launch {
  readonly project?: string | undefined;
  readonly persona?: string | undefined;
}

/** `GET /api/v1/gate?project=&persona=`: may a new session start? Answered from memory. */
export function gateRoute(app: FastifyInstance, { board, policy, config }: GateOptions): void {
  // Every launch asks, all launchers from one address perhaps.
  app.get('/api/v1/gate', { config: { access: 'read', limit: 'none' } }, async (request, reply) => {
    const launch = readQuery(request, gateQuery);
    const { projects } = request.principal;
    if (launch.project !== undefined && projects !== undefined && !projects.includes(launch.project)) {
      const found = JSON.stringify(launch.project);
      throw new HttpError(403, 'forbidden', `project: found ${found}, expected one of ${projects.join(', ')}`);
    }
    const fail = config().budgets?.gate.fail ?? 'closed';
    return sendJson(reply, answerGate(launch, policy(), board.current(), { fail, readAt: board.readAt }));
  });
}

/** Pure. @param paused undefined: nobody knows */
export function answerGate(
  launch: Launch,
  policy: BudgetPolicy | undefined,
  paused: readonly Paused[] | undefined,
  { fail, readAt }: { readonly fail: 'closed' | 'open'; readonly readAt?: Date | undefined },
): GateAnswer {
  if (policy === undefined) return { allowed: true, state: 'open', blockedBy: [], advisory: true };
  const common = {
    advisory: policy.pausers.length === 0,
    ...(policy.contact === undefined ? {} : { contact: policy.contact }),
    ...(readAt === undefined ? {} : { asOf: readAt.toISOString() }),
  };
  if (paused === undefined) {
    const message = `the ledger does not answer, so nobody knows what is paused; budgets.gate.fail is ${fail}`;
    return { allowed: fail === 'open', state: 'unknown', blockedBy: [], message, ...common };
  }
  const blocking = paused.filter((pause) => policy.limits.has(pause.scope) && concerns(pause, launch));
  if (blocking.length === 0) return { allowed: true, state: 'open', blockedBy: [], ...common };
  const blockedBy = blocking.map(({ scope, subject, since, until }) => ({
    budget: budgetOf(scope),
    scope,
    subject,
    since: since.toISOString(),
    ...(until === undefined ? {} : { until: until.toISOString() }),
  }));
  const names = blockedBy.map(({ budget, subject, since }) => `${budget} of ${subject} (since ${since})`).join(' and ');
  const ask = policy.contact === undefined ? 'an admin has to acknowledge' : `ask ${policy.contact}`;
  return { allowed: false, state: 'paused', blockedBy, message: `used up: ${names}; ${ask}`, ...common };
}

function concerns({ scope, subject }: Paused, { project, persona }: Launch): boolean {
  if (scope === 'workspace_monthly') return true;
  return subject === (scope === 'repo_daily' ? project : persona);
}

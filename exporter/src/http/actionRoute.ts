import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ACTIONS } from '../actions/index.ts';
import { performAction } from '../actions/performAction.ts';
import { explainIssue } from '../config/explainIssue.ts';
import type { Config } from '../config.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { HttpError } from './httpError.ts';
import { answering, sendJson } from './readRequest.ts';

export interface ActionRouteOptions {
  readonly ledger: Ledger;
  config(): Config;
}

const NAMES = ACTIONS.map(({ name }) => name);

/**
 * `POST /api/v1/actions`: everything that a person or a program changes, `{"action": "<name>", …}`. Answered after the commit
 * of the change and its audit entry.
 */
export function actionRoute(app: FastifyInstance, { ledger, config }: ActionRouteOptions): void {
  app.post('/api/v1/actions', { config: { access: 'act' } }, async (request, reply) => {
    const body = readBody(request);
    const action = ACTIONS.find(({ name }) => name === body.action);
    if (action === undefined) {
      const found = body.action === undefined ? 'nothing' : JSON.stringify(body.action).slice(0, 60);
      throw new HttpError(400, 'unknown_action', `action: found ${found}, expected one of ${NAMES.join(', ')}`);
    }
    const asked = { principal: request.principal, body, requestId: request.id };
    try {
      return sendJson(reply, await answering(performAction(ledger, action, asked, config())));
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      const { action: _name, ...input } = body;
      const problems = error.issues.flatMap((issue) =>
        explainIssue(issue, action.input, input).map(({ path, message }) => `${path.join('.')}: ${message}`),
      );
      throw new HttpError(400, 'invalid_input', [...new Set(problems)].join('; '), { cause: error });
    }
  });
}

function readBody({ body }: FastifyRequest): Readonly<Record<string, unknown>> {
  if (body !== null && typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new HttpError(400, 'invalid_request', 'expected a JSON object such as {"action":"acknowledge_run", …}');
}

import type { FastifyInstance } from 'fastify';
import { ACTIONS } from '../actions/index.ts';
import { mayPerform } from '../actions/performAction.ts';
import { READING_ROLES } from '../config/roles.ts';
import { NO_QUERY } from '../contract/api.ts';
import type { MeAnswer } from '../contract/me.ts';
import { mayAct } from './auth.ts';
import { readQuery, sendJson } from './readRequest.ts';

/** `GET /api/v1/me`: who asks, and what they may do. It needs no ledger. */
export function meRoute(app: FastifyInstance): void {
  app.get('/api/v1/me', { config: { access: 'read' } }, async (request, reply) => {
    readQuery(request, NO_QUERY);
    const { principal } = request;
    const { name, projects } = principal;
    const role = READING_ROLES.find((one) => one === principal.role);
    const answer: MeAnswer = {
      ...(name === undefined ? {} : { name }),
      ...(role === undefined ? {} : { role }),
      ...(projects === undefined ? {} : { projects: [...projects] }),
      actions: mayAct(request)
        ? ACTIONS.filter((action) => mayPerform(principal, action)).map((action) => action.name)
        : [],
    };
    return sendJson(reply, answer);
  });
}

import type { FastifyInstance } from 'fastify';
import { BUILD } from '../version.ts';
import { describeApi } from './describeApi.ts';

/** `GET /openapi.json`: the description of the API, OpenAPI 3.1. It says nothing that needs a token. */
export function openapiRoute(app: FastifyInstance): void {
  let description: string | undefined;
  app.get('/openapi.json', { config: { access: 'public' } }, async (_request, reply) => {
    description ??= JSON.stringify(describeApi(BUILD.version));
    return reply.type('application/json; charset=utf-8').send(description);
  });
}

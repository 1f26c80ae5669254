import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { explainIssue } from '../config/explainIssue.ts';
import { asLedgerError, LedgerUnavailable } from '../ledger/ledgerErrors.ts';
import { BadCursor } from '../ledger/read/pageCursor.ts';
import { ReadTooSlow } from '../ledger/read/readSnapshot.ts';
import { HttpError } from './httpError.ts';

/** Seconds after which a reader should try again while the ledger is away. */
const RETRY_AFTER_SECONDS = '2';

/**
 * Checks a query string.
 * @throws HttpError 400 with each parameter, what was found and what was expected.
 */
export function readQuery<Output>(request: FastifyRequest, schema: z.ZodType<Output>): Output {
  const parsed = schema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => {
    const [parameter] = issue.path;
    // A parameter that may be repeated was given once: its value stands for a list of one.
    const found = Object.fromEntries(
      Object.entries(request.query as Record<string, unknown>).map(([name, value]) => [
        name,
        name === parameter && issue.path.length > 1 ? [value].flat() : value,
      ]),
    );
    return explainIssue(issue, schema, found).map(
      ({ path, message }) => `${path[0] ?? ''}: ${message.replace('unknown key', 'unknown parameter')}`,
    );
  });
  throw new HttpError(400, 'invalid_parameter', [...new Set(problems)].join('; '), { cause: parsed.error });
}

const params = z.record(z.string(), z.string());

/** @returns the parameters of the path. @throws HttpError 404 for one that no record can have. */
export function readParams<Name extends string>(
  request: FastifyRequest,
  ...names: readonly Name[]
): Record<Name, string> {
  const found = params.parse(request.params);
  // Postgres stores no NUL, so nothing has such a name.
  for (const name of names) if (found[name]?.includes('\0')) throw notFound(`${name} with a NUL character`);
  return found as Record<Name, string>;
}

export function notFound(what: string): HttpError {
  return new HttpError(404, 'not_found', `found no ${what}, or none that this token may read`);
}

/** Answers with JSON that no cache may keep: it is the reader's own view of the moment. */
export function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('vary', 'Authorization, X-Grafana-Id')
    .type('application/json; charset=utf-8')
    .send(body);
}

/** A GET route that reads the ledger: its failures become the answers that they mean. */
export function readRoute(
  app: FastifyInstance,
  url: string,
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
  access: 'read' | 'admin' = 'read',
): void {
  app.get(url, { config: { access } }, async (request, reply) => {
    return await answering(handler(request, reply));
  });
}

/** What `work` answers; a failure of the ledger becomes the answer that it means. */
export async function answering<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toAnswer(error);
  }
}

function toAnswer(error: unknown): unknown {
  if (error instanceof BadCursor) return new HttpError(400, 'invalid_parameter', error.message, { cause: error });
  if (error instanceof ReadTooSlow) return new HttpError(503, 'too_slow', error.message, { cause: error });
  const known = asLedgerError(error);
  if (known instanceof LedgerUnavailable) {
    return new HttpError(503, 'ledger_unavailable', 'the ledger does not answer; ask again', {
      cause: error,
      headers: { 'retry-after': RETRY_AFTER_SECONDS },
    });
  }
  return error;
}

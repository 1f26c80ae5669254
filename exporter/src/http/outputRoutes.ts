import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { type OutputDownloadQuery, outputDownloadQuery, outputQuery } from '../contract/api.ts';
import { plainText } from '../contract/plainText.ts';
import type { OutputRecord } from '../contract/records.ts';
import { listOutput, type Printer, streamOutput } from '../ledger/read/listOutput.ts';
import { HttpError } from './httpError.ts';
import { notFound, readParams, readQuery, readRoute, sendJson } from './readRequest.ts';

/** Each holds a connection of the readers' pool until its reader has taken all. */
const MAX_DOWNLOADS = 2;
const TYPES = { text: ['text/plain', 'txt'], ndjson: ['application/x-ndjson', 'ndjson'] } as const;

/** What runs and sandboxes printed: `GET /api/v1/runs/{source}/{id}/output`, the same of sandboxes, and all of it as a file. */
export function outputRoutes(app: FastifyInstance, { pool }: { readonly pool: pg.Pool }): void {
  let underWay = 0;
  for (const kind of ['run', 'sandbox'] as const) {
    const path = kind === 'run' ? '/api/v1/runs/:source/:id/output' : '/api/v1/sandboxes/:source/:id/output';

    readRoute(app, path, async (request, reply) => {
      const printer: Printer = { of: kind, ...readParams(request, 'source', 'id') };
      const query = readQuery(request, outputQuery);
      const page = await listOutput(pool, printer, query, request.principal.projects);
      if (page === undefined) throw notFound(`${kind} ${printer.id} of source ${printer.source}`);
      return sendJson(reply, page);
    });

    readRoute(app, `${path}/download`, async (request, reply) => {
      const printer: Printer = { of: kind, ...readParams(request, 'source', 'id') };
      const query = readQuery(request, outputDownloadQuery);
      if (underWay >= MAX_DOWNLOADS) {
        const message = `${underWay} downloads are under way, at most ${MAX_DOWNLOADS} may; ask again`;
        throw new HttpError(503, 'busy', message, { headers: { 'retry-after': '2' } });
      }
      underWay += 1;
      const end = () => {
        underWay -= 1;
      };
      let body: Readable;
      try {
        const pages = await streamOutput(pool, printer, query, request.principal.projects);
        if (pages === undefined) throw notFound(`${kind} ${printer.id} of source ${printer.source}`);
        // What fails before the first line still has an answer of its own.
        body = Readable.from(linesOf(await pages.next(), pages, query.format), { objectMode: false });
      } catch (error) {
        end();
        throw error;
      }
      const [type, extension] = TYPES[query.format];
      const name = `output-${printer.id.replace(/[^\w.-]+/g, '_').slice(0, 80)}.${extension}`;
      return reply
        .header('cache-control', 'no-store')
        .header('vary', 'Authorization, X-Grafana-Id')
        .header('x-content-type-options', 'nosniff')
        .header('content-disposition', `attachment; filename="${name}"`)
        .type(`${type}; charset=utf-8`)
        .send(body.once('close', end));
    });
  }
}

type Lines = readonly { readonly doc: OutputRecord }[];

async function* linesOf(
  first: IteratorResult<Lines>,
  rest: AsyncGenerator<Lines>,
  format: OutputDownloadQuery['format'],
): AsyncGenerator<string> {
  try {
    for (let page = first; page.done !== true; page = await rest.next()) {
      yield page.value
        .map(({ doc }) => (format === 'ndjson' ? `${JSON.stringify(doc)}\n` : `${asText(doc)}\n`))
        .join('');
    }
  } finally {
    await rest.return(undefined);
  }
}

/** `2026-11-20T13:00:00.000Z stderr plan: text`; further lines of a text are indented. */
function asText({ at, role, stepId, text = '' }: OutputRecord): string {
  const head = [at, role, stepId].filter((part) => part !== undefined).join(' ');
  return `${head}: ${plainText(text).replace(/\n$/, '').replaceAll('\n', '\n  ')}`;
}

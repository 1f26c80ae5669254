import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { acceptsGzip, CONTENT_TYPES, formatFor } from '../metrics/exposition.ts';
import type { Scraper } from '../metrics/scrape.ts';

const compress = promisify(gzip);
/** Level 1 is a third of the work of the default and leaves some 10% more bytes. */
const GZIP_LEVEL = 1;

export interface MetricsRouteOptions {
  readonly scraper: Scraper;
  /** Scrapes under way at once; the next one is answered 503. */
  readonly maxConcurrentScrapes: number;
  readonly access: 'public' | 'metrics' | 'read';
}

/** `GET` and `HEAD /metrics`: text or OpenMetrics by Accept, gzip by Accept-Encoding. */
export function metricsRoute(
  app: FastifyInstance,
  { scraper, maxConcurrentScrapes, access }: MetricsRouteOptions,
): void {
  let underWay = 0;
  app.route({
    method: ['GET', 'HEAD'],
    url: '/metrics',
    config: { access, limit: 'none' },
    handler: async (request, reply) => {
      if (underWay >= maxConcurrentScrapes) {
        reply.code(503).header('retry-after', '1').type('text/plain; charset=utf-8');
        return `${maxConcurrentScrapes} scrapes are under way, the limit (metrics.max_concurrent_scrapes); try again in a second.\n`;
      }
      underWay += 1;
      try {
        const format = formatFor(request.headers.accept);
        const body = Buffer.concat(await scraper.scrape(format));
        reply
          .header('content-type', CONTENT_TYPES[format])
          .header('vary', 'Accept, Accept-Encoding')
          .header('cache-control', 'no-store');
        if (!acceptsGzip(request.headers['accept-encoding']?.toString())) return reply.send(body);
        return reply.header('content-encoding', 'gzip').send(await compress(body, { level: GZIP_LEVEL }));
      } finally {
        underWay -= 1;
      }
    },
  });
}

import type { FastifyInstance } from 'fastify';
import { redactText } from '../normalise/redactSecrets.ts';
import { redactValue } from '../telemetry/redactValue.ts';
import type { HealthRegistry } from './healthRegistry.ts';

/** The routes that only say how the exporter is. Their log lines are off by default. */
export const HEALTH_PATHS: ReadonlySet<string> = new Set(['/health', '/-/healthy', '/-/ready']);

const config = { access: 'public', limit: 'none' } as const;

/**
 * `GET /health`: every part's state and latency; 503 while an essential part is down. `/-/healthy`: 200 while the process
 * lives. `/-/ready`: 200 while it can serve.
 */
export function healthRoutes(app: FastifyInstance, health: HealthRegistry): void {
  app.get('/health', { config }, async (_request, reply) => {
    const report = await health.report();
    reply.code(report.status === 'down' ? 503 : 200).header('cache-control', 'no-store');
    // What a part says of itself may quote a connection string.
    return reply.type('application/json; charset=utf-8').send(redactValue(report));
  });
  app.get('/-/healthy', { config }, async (_request, reply) => {
    return reply.type('text/plain; charset=utf-8').send('fleetlens is healthy.\n');
  });
  app.get('/-/ready', { config }, async (_request, reply) => {
    const reason = await health.whyNotReady();
    reply.code(reason === undefined ? 200 : 503).type('text/plain; charset=utf-8');
    return reply.send(
      reason === undefined ? 'fleetlens is ready.\n' : `fleetlens is not ready: ${redactText(reason)}\n`,
    );
  });
}

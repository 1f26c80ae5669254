import type { FastifyInstance } from 'fastify';

export interface DrainResult {
  /** Connections that were cut because their requests had not ended in time. */
  readonly cut: number;
}

/**
 * Stops serving: accepts nothing new, closes idle connections, lets requests under way end, and cuts what is left after
 * `timeoutMs`. Parts that hold streams open end them in a `preClose` hook.
 */
export async function drainServer(app: FastifyInstance, { timeoutMs }: { timeoutMs: number }): Promise<DrainResult> {
  const { serverGroup } = app;
  serverGroup.isDraining = true;
  let cut = 0;
  const cutting = setTimeout(() => {
    for (const server of serverGroup.servers) {
      server.getConnections((_error, count) => {
        cut += count ?? 0;
        server.closeAllConnections();
      });
    }
  }, timeoutMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cutting);
  }
  return { cut };
}

import type { HealthRegistry, PartState } from './http/healthRegistry.ts';
import type { SourceMetrics } from './sources/poll/sourceMetrics.ts';

interface LastPoll {
  readonly worked: boolean;
  readonly at: Date;
  readonly seconds: number;
}

/**
 * Says in /health how each polled source is, from what its polls tell the metrics.
 * @returns the metrics to poll with, and how to take the sources out of /health again
 */
export function watchSources(
  health: HealthRegistry,
  sources: readonly string[],
  metrics: SourceMetrics,
): { metrics: SourceMetrics; unregister(): void } {
  const last = new Map<string, LastPoll>();
  const removals = sources.map((source) =>
    health.register({
      name: `source ${source}`,
      check: async (): Promise<PartState> => stateOf(last.get(source)),
    }),
  );
  return {
    metrics: {
      ...metrics,
      pollWorked(source, seconds, now) {
        last.set(source, { worked: true, at: now, seconds });
        metrics.pollWorked(source, seconds, now);
      },
      pollFailed(source, seconds) {
        last.set(source, { worked: false, at: new Date(), seconds });
        metrics.pollFailed(source, seconds);
      },
      pollingStopped(source) {
        last.delete(source);
        metrics.pollingStopped(source);
      },
    },
    unregister() {
      for (const remove of removals) remove();
    },
  };
}

function stateOf(poll: LastPoll | undefined): PartState {
  if (poll === undefined) return { status: 'ok', detail: 'not polled by this replica yet' };
  const detail = `last poll ${poll.worked ? 'worked' : 'failed'} at ${poll.at.toISOString()}`;
  return { status: poll.worked ? 'ok' : 'degraded', latencyMs: Math.round(poll.seconds * 1000), detail };
}

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type FamilyName, familyOf } from '../../contract/metricCatalogue.ts';
import { ADAPTER_RESULTS } from '../../contract/records.ts';
import type { SourceResult } from '../source.ts';

/** The `fleetlens_source_*` families of the polled sources. */
export interface SourceMetrics {
  countRequest(source: string, result: SourceResult): void;
  /** Ends a poll that read everything it wanted. */
  pollWorked(source: string, seconds: number, now: Date): void;
  pollFailed(source: string, seconds: number): void;
  /** The first read of a source got on: it answers, although its poll may take hours. */
  backfillProgressed(source: string, now: Date): void;
  /** This replica polls no more: it has nothing to say about whether the source is up. */
  pollingStopped(source: string): void;
  quotaRemaining(source: string, calls: number): void;
}

/**
 * @param startedAt the exporter's start: until a poll worked, the time of the last success, so that a source that never
 *   answers grows old instead of being absent.
 */
export function createSourceMetrics(registry: Registry, sources: readonly string[], startedAt: Date): SourceMetrics {
  const up = new Gauge(definition('fleetlens_source_up', registry));
  const lastSuccess = new Gauge(definition('fleetlens_source_last_success_timestamp_seconds', registry));
  const duration = new Histogram({
    ...definition('fleetlens_source_poll_duration_seconds', registry),
    buckets: [...(familyOf('fleetlens_source_poll_duration_seconds').buckets ?? [])],
  });
  const requests = new Counter(definition('fleetlens_source_requests_total', registry));
  const quota = new Gauge(definition('fleetlens_source_quota_remaining', registry));
  for (const source of sources) {
    lastSuccess.set({ source }, startedAt.getTime() / 1000);
    duration.zero({ source });
    for (const result of ADAPTER_RESULTS) requests.inc({ source, result }, 0);
  }
  return {
    countRequest: (source, result) => requests.inc({ source, result }),
    pollWorked(source, seconds, now) {
      up.set({ source }, 1);
      lastSuccess.set({ source }, now.getTime() / 1000);
      duration.observe({ source }, seconds);
    },
    pollFailed(source, seconds) {
      up.set({ source }, 0);
      duration.observe({ source }, seconds);
    },
    backfillProgressed: (source, now) => lastSuccess.set({ source }, now.getTime() / 1000),
    pollingStopped: (source) => up.remove({ source }),
    quotaRemaining: (source, calls) => quota.set({ source }, calls),
  };
}

function definition(name: FamilyName, registry: Registry) {
  const family = familyOf(name);
  return { name, help: family.help, labelNames: [...family.labels], registers: [registry] };
}

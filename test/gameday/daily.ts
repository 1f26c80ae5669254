import { Random } from '../../exporter/src/demo/random.ts';
import { Script } from './script.ts';
import type { Happening } from './timeline.ts';
import {
  ADAPTERS,
  APPROVAL_SLA_SECONDS,
  CRITICAL,
  DAY_MS,
  DEMITON,
  HANDLERS,
  HOOKS,
  HOUR_MS,
  INFRA,
  MINUTE_MS,
  PROJECTS,
  RARE_WORKFLOW,
  TINKER,
} from './world.ts';

const iso = (ms: number) => new Date(ms).toISOString();

/** Work is done from 7 to 20 UTC; some of it at other times. */
export function isDay(ms: number): boolean {
  const hour = new Date(ms).getUTCHours();
  return hour >= 7 && hour < 20;
}

/** How often platforms tell how their stores and queues are. */
const READING_MS = 10 * MINUTE_MS;

/** Totals of the cache, which incidents move too: they are made into readings at the end. */
export interface CacheTraffic {
  readonly at: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly memoryBytes?: number;
}

export const USUAL_CACHE_BYTES = 180 * 2 ** 20;

/** A fleet in which nothing is wrong: no run fails, every approval is decided, every queue is worked off. */
export function quietFleet(seed: string, startMs: number, endMs: number): Happening[] {
  const script = new Script('daily', new Random(seed, 'daily'));
  const { random } = script;
  script.event(startMs + 1_000, DEMITON, 'workflow', {
    workflow: 'order-sync',
    project: 'erp',
    approvalSlaSeconds: APPROVAL_SLA_SECONDS,
  });
  for (const of of PROJECTS) {
    for (const persona of of.personas)
      if (persona !== '')
        script.event(startMs + 2_000, of.source, 'persona', { persona, project: of.project, lastUsedAt: iso(startMs) });
    // Every series exists before something happens to it.
    for (const workflow of [...of.workflows, RARE_WORKFLOW])
      script.run(of, { startMs: startMs + 5_000, durationMs: MINUTE_MS, workflow, noArtifacts: false });
    for (let at = startMs + 10 * MINUTE_MS; at < endMs - HOUR_MS; ) {
      // As a Poisson process whose rate is that of the day, of which a part happens at night.
      at += (-Math.log(1 - random.next()) / of.runsPerHour) * HOUR_MS;
      if (at >= endMs - HOUR_MS) break;
      if (of.isSteady !== true && !isDay(at) && !random.chance(0.1)) continue;
      const composite = random.integer(80, 94);
      script.run(of, {
        startMs: at,
        durationMs: Math.min(random.logNormal(8, 0.6), 75) * MINUTE_MS,
        ...(of.quality === true ? { quality: { composite, thresholdMet: composite >= 70 } } : {}),
        noArtifacts: false,
      });
    }
  }
  // Personas are used, or they would grow old.
  for (let day = startMs + DAY_MS; day < endMs; day += DAY_MS)
    for (const of of PROJECTS)
      for (const persona of of.personas)
        if (persona !== '')
          script.event(day, of.source, 'persona', { persona, project: of.project, lastUsedAt: iso(day - HOUR_MS) });

  let calls = 0;
  for (let at = startMs + 20_000; at < endMs - MINUTE_MS; at += READING_MS) {
    script.event(at, TINKER, 'store', { store: 'postgres', at: iso(at), up: true, latencySeconds: 0.003 });
    script.event(at, HOOKS, 'project', { project: 'hooks', members: 3 });
    script.queue(DEMITON, at, random.integer(0, 2));
    for (const adapter of ADAPTERS) {
      // A call in a hundred fails; it is tried again.
      script.adapter(DEMITON, adapter, at, 'ok', random.integer(12, 20));
      if (calls++ % 9 === 0) script.adapter(DEMITON, adapter, at, 'server', 1);
    }
    for (let jobs = random.integer(1, 3); jobs > 0; jobs--)
      script.job(DEMITON, at + random.between(0, READING_MS - MINUTE_MS), random.between(500, 6_000));
  }
  for (let at = startMs + HOUR_MS; at < endMs - HOUR_MS; at += random.between(0.5, 3) * HOUR_MS) {
    script.errors(TINKER, random.pick([...HANDLERS, ...CRITICAL]), at, at + MINUTE_MS, 1);
    if (random.chance(0.2)) script.rateLimited(TINKER, at, 'ip', undefined);
    if (random.chance(0.1)) script.rateLimited(TINKER, at, 'repo', INFRA.project);
    script.happenings.push({ what: 'requests', at, source: 'crucible-main', result: 'ok', count: 1 });
  }
  // Approvals are asked for by day and decided in time.
  for (let at = startMs + 2 * HOUR_MS; at < endMs - 3 * HOUR_MS; at += random.between(3, 9) * HOUR_MS)
    approval(script, at, random.between(2, 45) * MINUTE_MS);
  return script.happenings;
}

/** @param waitMs until it is decided */
export function approval(
  script: Script,
  at: number,
  waitMs: number,
  sla: number | undefined = APPROVAL_SLA_SECONDS,
): void {
  const approvalId = script.id('approval');
  const names = { approvalId, project: 'erp', workflow: 'order-sync' };
  script.event(at, DEMITON, 'approval', {
    ...names,
    requestedAt: iso(at),
    ...(sla === undefined ? {} : { slaSeconds: sla }),
  });
  script.event(at + waitMs, DEMITON, 'approval', {
    ...names,
    requestedAt: iso(at),
    decidedAt: iso(at + waitMs),
    decision: 'approved',
  });
}

/** Makes readings of the cache out of its usual traffic and of what incidents add to it. */
export function cacheReadings(
  seed: string,
  startMs: number,
  endMs: number,
  more: readonly CacheTraffic[],
): Happening[] {
  const script = new Script('cache', new Random(seed, 'cache'));
  const { random } = script;
  const usual: CacheTraffic[] = [];
  for (let at = startMs + 20_000; at < endMs - MINUTE_MS; at += READING_MS) {
    const lookups = isDay(at) ? random.integer(120, 400) : random.chance(0.6) ? random.integer(5, 60) : 0;
    const misses = Math.floor(lookups * random.between(0.03, 0.12));
    usual.push({ at, hits: lookups - misses, misses, evictions: 0 });
  }
  let [hits, misses, evictions, memoryBytes] = [0, 0, 0, USUAL_CACHE_BYTES];
  for (const traffic of [...usual, ...more].sort((a, b) => a.at - b.at)) {
    hits += traffic.hits;
    misses += traffic.misses;
    evictions += traffic.evictions;
    memoryBytes = traffic.memoryBytes ?? memoryBytes;
    script.event(traffic.at, TINKER, 'store', {
      store: 'redis',
      at: iso(traffic.at),
      up: true,
      hitsTotal: hits,
      missesTotal: misses,
      evictionsTotal: evictions,
      memoryBytes: memoryBytes + random.integer(0, 2 ** 24),
      keys: 400,
      serverRunId: 'redis-1',
    });
  }
  return script.happenings;
}

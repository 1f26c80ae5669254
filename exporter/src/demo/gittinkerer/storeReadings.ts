import { DAY, HOUR, OFFICE, weekOf, weekStart } from '../calendar.ts';
import { COARSE_MS, readThroughDay } from '../readings.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';

const MIB = 2 ** 20;
const QUARTERS_A_WEEK = (7 * DAY) / COARSE_MS;

interface CacheTotals {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

/**
 * What Redis has counted since it was restarted, on Monday at midnight: sums over the quarters of an hour of the week.
 * The total at any time follows from the seed and the time alone, so every simulation reads the same.
 */
export class RedisTotals {
  readonly #world: World;
  readonly #weeks = new Map<number, readonly CacheTotals[]>();

  constructor(world: World) {
    this.#world = world;
  }

  at(ms: number): CacheTotals {
    const week = weekOf(ms);
    const quarters = this.#weeks.get(week) ?? this.#sumUp(week);
    const position = (ms - weekStart(week)) / COARSE_MS;
    const begin = quarters[Math.floor(position)];
    const end = quarters[Math.floor(position) + 1];
    if (begin === undefined || end === undefined) throw new RangeError(`${instantOf(ms)} lies outside of its week`);
    const share = position % 1;
    const between = (field: keyof CacheTotals) => Math.floor(begin[field] + (end[field] - begin[field]) * share);
    return { hits: between('hits'), misses: between('misses'), evictions: between('evictions') };
  }

  #sumUp(week: number): readonly CacheTotals[] {
    const random = this.#world.random('redis', week);
    const sums: CacheTotals[] = [{ hits: 0, misses: 0, evictions: 0 }];
    for (let quarter = 0; quarter < QUARTERS_A_WEEK; quarter++) {
      const ms = weekStart(week) + quarter * COARSE_MS;
      const before = sums[quarter] as CacheTotals;
      const busy = OFFICE.hours[Math.floor((ms % DAY) / HOUR)] ?? 1;
      const lookups = random.poisson(20 * busy);
      const pressed = this.#world.incidents.at('redis_pressure', ms) !== undefined;
      const hits = Math.round(lookups * (pressed ? random.between(0.45, 0.7) : random.between(0.88, 0.97)));
      sums.push({
        hits: before.hits + hits,
        misses: before.misses + lookups - hits,
        evictions: before.evictions + (pressed ? random.integer(20, 300) : 0),
      });
    }
    this.#weeks.set(week, sums);
    this.#weeks.delete(week - 2);
    return sums;
  }
}

/** Tells how the service, its Redis and its Postgres are, and what went wrong with them. */
export function tellStoreReadings(world: World, totals: RedisTotals, story: Story, day: number): void {
  const { incidents } = world;
  readThroughDay(world, story, day, 'store/redis', incidents.onDay('redis_unreachable', day), (reader, ms) => {
    const at = { store: 'redis', at: instantOf(ms) };
    if (incidents.at('redis_unreachable', ms)) {
      reader.tell('store', ms, `store/redis/${ms}`, {
        ...at,
        up: false,
        error: { kind: 'connection', message: 'connect ECONNREFUSED 10.0.3.7:6379' },
      });
      return;
    }
    const random = world.random('redis reading', ms);
    const { hits, misses, evictions } = totals.at(ms);
    const pressed = incidents.at('redis_pressure', ms) !== undefined;
    // A reading now and then meets a Redis that is loading its dataset: an error that is neither of the usual two.
    const loading = ms % DAY === 0 && random.chance(0.5);
    reader.tell('store', ms, `store/redis/${ms}`, {
      ...at,
      up: true,
      hitsTotal: hits,
      missesTotal: misses,
      evictionsTotal: evictions,
      memoryBytes: Math.round((pressed ? random.between(520, 610) : random.between(140, 230)) * MIB),
      keys: random.integer(24, 95),
      latencySeconds: Math.round(random.logNormal(0.0009, 0.4) * 1e6) / 1e6,
      error: loading ? { kind: 'other', message: 'LOADING Redis is loading the dataset in memory' } : null,
      serverRunId: `redis-${weekOf(ms)}`,
    });
  });
  readThroughDay(world, story, day, 'store/postgres', incidents.onDay('postgres_slow', day), (reader, ms) => {
    const random = world.random('postgres reading', ms);
    const slow = incidents.at('postgres_slow', ms) !== undefined;
    reader.tell('store', ms, `store/postgres/${ms}`, {
      store: 'postgres',
      at: instantOf(ms),
      up: !slow,
      latencySeconds: Math.round((slow ? 5 : random.logNormal(0.0024, 0.5)) * 1e6) / 1e6,
      error: slow ? { kind: 'timeout', message: 'timeout exceeded when trying to connect (5000 ms)' } : null,
    });
  });
  readThroughDay(world, story, day, 'service/api', incidents.onDay('postgres_slow', day), (reader, ms) => {
    const random = world.random('service reading', ms);
    const slow = incidents.at('postgres_slow', ms) !== undefined;
    reader.tell('service', ms, `service/api/${ms}`, {
      service: 'api',
      at: instantOf(ms),
      up: !slow,
      rawStatus: slow ? 'degraded' : 'ok',
      version: '1.8.2',
      latencySeconds: Math.round(random.logNormal(0.006, 0.4) * 1e6) / 1e6,
      components: {
        database: slow ? { up: false, rawStatus: 'down', error: 'timeout exceeded' } : { up: true, rawStatus: 'up' },
        redis: { up: true, rawStatus: 'up' },
      },
      error: slow ? { kind: 'timeout', message: 'database: timeout exceeded' } : null,
    });
  });
}

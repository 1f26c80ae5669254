import pg from 'pg';
import { pino } from 'pino';
import { acknowledgeBudget } from '../../exporter/src/ledger/budgets/acknowledgeBudget.ts';
import { readBudgets } from '../../exporter/src/ledger/budgets/readBudgets.ts';
import { Ledger } from '../../exporter/src/ledger/ledger.ts';
import { migrate } from '../../exporter/src/ledger/migrate.ts';
import { CONNECT_TIMEOUT_MS, type PostgresCluster } from '../support/postgresCluster.ts';
import { CAPS, type EventHappening, POLICY, POLLED, received, type SimulatedLedger } from './simulatedLedger.ts';

/**
 * The real ledger on a real Postgres. Creates a database whose every session finds `now()` and `clock_timestamp()` in the schema `simclock` before it finds Postgres'
 * own: the ledger's statements name both without a schema. The time is a row, so all connections agree on it.
 */
export async function openPostgresLedger(
  cluster: PostgresCluster,
  database: string,
  startMs: number,
): Promise<SimulatedLedger> {
  await execute(cluster.connectionString(), `create database ${database}`);
  const connectionString = cluster.connectionString(database);
  await execute(
    connectionString,
    `create schema simclock;
    create unlogged table simclock.clock (at timestamptz not null) with (fillfactor = 10);
    insert into simclock.clock values ('${new Date(startMs).toISOString()}');
    create function simclock.now() returns timestamptz language sql stable as 'select at from simclock.clock';
    create function simclock.clock_timestamp() returns timestamptz language sql stable as 'select at from simclock.clock';
    alter database ${database} set search_path = simclock, pg_catalog, public`,
  );
  await migrate(connectionString);
  const ledger = new Ledger({
    connectionString,
    policy: POLICY,
    caps: CAPS,
    log: pino({ level: 'silent' }),
    readers: 2,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  });
  let nowMs = startMs;
  let sent = 0;
  const setClock = async (ms: number) => {
    nowMs = ms;
    await ledger.pool.query({ name: 'simclock', text: 'update simclock.clock set at = $1', values: [new Date(ms)] });
  };

  async function pushed(events: readonly EventHappening[]): Promise<void> {
    const normalised = events.map((event) => ({
      ...received(event, `gameday-${sent++}`, nowMs),
      ...(POLLED.has(event.source) ? { isPolled: true } : {}),
    }));
    const results = await ledger.recordPushed(normalised);
    const failed = results.find(({ result }) => result !== 'accepted');
    if (failed !== undefined)
      throw new Error(`gameday: expected every event to be accepted, found ${JSON.stringify(failed)}`);
  }

  /** The first reading of a polled source; its history, if it has one, comes before. */
  async function backfill(source: string, events: readonly EventHappening[]): Promise<void> {
    await ledger.recordPulled({
      source,
      startedAt: new Date(nowMs),
      records: events.map(({ kind, data, saidAt }) => ({ kind, data, at: new Date(saidAt).toISOString() })),
      cursor: 'read',
      backfillDone: true,
    });
  }

  const known = new Set<string>();
  async function applyEvents(events: readonly EventHappening[]): Promise<void> {
    const fresh = [...Map.groupBy(events, ({ source }) => source)].filter(
      ([source]) => POLLED.has(source) && !known.has(source),
    );
    for (const [source, ofSource] of fresh) {
      known.add(source);
      await backfill(source, ofSource);
    }
    const first = new Set(fresh.map(([source]) => source));
    const rest = events.filter(({ source }) => !first.has(source));
    if (rest.length > 0) await pushed(rest);
  }

  return {
    pool: ledger.pool,
    setClock,
    async readBudgets() {
      return (await readBudgets(ledger.pool, ledger.policy.budgets)).states;
    },
    async apply(happenings) {
      const events = happenings.filter((happening) => happening.what === 'event');
      if (events.length > 0) await applyEvents(events);
      for (const happening of happenings) {
        if (happening.what === 'acknowledge') {
          const { scope, subject } = happening;
          await ledger.transaction((tx) =>
            acknowledgeBudget(tx, { scope, subject, reason: 'the cause is found' }, 'an admin'),
          );
        } else if (happening.what === 'deadLetters') {
          const { source, count } = happening;
          if (count === 0) await ledger.pool.query('delete from fleetlens.dead_letter where source = $1', [source]);
          else
            await ledger.keepAside(
              Array.from({ length: count }, (_, i) => ({
                source,
                kind: 'run',
                reason: 'the record cannot be read',
                payload: `${happening.at} ${i}`,
              })),
            );
        } else if (happening.what === 'verified') {
          await ledger.pool.query('update fleetlens.head set mismatches = $1', [happening.mismatches]);
        }
      }
      while (await ledger.sweepIfDue());
    },
    async close() {
      await ledger.close();
      await execute(cluster.connectionString(), `drop database if exists ${database} with (force)`);
    },
  };
}

async function execute(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    for (const statement of sql.split(/;\n/)) await client.query(statement);
  } finally {
    await client.end();
  }
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../../exporter/src/demo/random.ts';
import { startAlertmanager } from '../support/alertmanager.ts';
import { startExporter } from '../support/exporterProcess.ts';
import { startPostgres } from '../support/postgresCluster.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';
import { startWebhookReceiver } from '../support/webhookReceiver.ts';
import { RULES_DIRECTORY } from './readRules.ts';
import { BUDGETS_USD, MINUTE_MS } from './world.ts';

const TOKEN = 'ingest-token-of-the-game-day';
const SOURCE = 'fleet';
const PROJECT = 'acme/shop';
/** A label set that is born live shows 0 for its first 60 s; nothing grows before they are over. */
const WARM_UP_MS = 63_000;
const WATCHDOG = 'FleetWatchdog';

export interface RealPage {
  readonly alert: string;
  /** From the answer to the push that made the condition true to the message at a receiver, milliseconds; absent: none came. */
  readonly delayMs: number | undefined;
}

export interface RealTimeScore {
  readonly pages: readonly RealPage[];
  /** Alerts that somebody was told of without a reason. */
  readonly falsePages: readonly string[];
}

/** An incident whose alerts have no `for`. */
interface RealIncident {
  readonly alerts: readonly string[];
  events(nowMs: number, random: Random): Omit<PushedEvent, 'id' | 'source'>[];
}

const iso = (ms: number) => new Date(ms).toISOString();
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const run = (runId: string, at: number, data: object) => ({
  kind: 'run',
  at: iso(at),
  data: { runId, project: PROJECT, workflow: 'feature', persona: 'builder', ...data },
});
const error = (component: string, at: number, i: number) => ({
  kind: 'platformError',
  at: iso(at),
  data: { errorId: `${component}-${at}-${i}`, component, message: 'broken', at: iso(at) },
});
const cache = (at: number, evictionsTotal: number) => ({
  kind: 'store',
  at: iso(at),
  data: { store: 'redis', at: iso(at), up: true, hitsTotal: 100, missesTotal: 4, evictionsTotal, memoryBytes: 2 ** 20 },
});
const limited = (at: number, i: number) => ({
  kind: 'rateLimit',
  at: iso(at),
  data: { layer: 'ip', limited: true, count: 1, at: iso(at), eventId: `${at}-${i}` },
});

const INCIDENTS: readonly RealIncident[] = [
  {
    alerts: ['FleetErrorVolumeHigh'],
    events: (now, random) => times(random.integer(60, 120), (i) => error('renderDiff', now, i)),
  },
  {
    alerts: ['FleetCriticalPathFailing'],
    events: (now, random) => times(random.integer(4, 9), (i) => error('handleIssueComment', now, i)),
  },
  {
    alerts: ['FleetRateLimitSustained'],
    events: (now, random) => times(random.integer(14, 30), (i) => limited(now, i)),
  },
  {
    alerts: ['FleetRunFailureRateHigh', 'FleetFailurePattern'],
    events: (now, random) =>
      times(random.integer(12, 20), (i) =>
        run(`failed-${i}`, now, {
          status: 'failed',
          startedAt: iso(now - MINUTE_MS),
          finishedAt: iso(now),
          acknowledgedAt: iso(now),
          error: { surface: 'run', category: 'api_key', message: 'the key is invalid' },
        }),
      ),
  },
  {
    alerts: ['FleetFailedRunUnattended'],
    events: (now) => [
      // Six minutes ago, told now: late, but no history yet. Of a workflow of its own: no later success has settled it.
      run('unattended', now, {
        workflow: 'release',
        status: 'failed',
        startedAt: iso(now - 8 * MINUTE_MS),
        finishedAt: iso(now - 6 * MINUTE_MS),
      }),
    ],
  },
  {
    alerts: ['FleetBudgetExceeded', 'FleetBudgetPaused'],
    events: (now) => [
      {
        kind: 'usage',
        at: iso(now),
        data: { usageId: `dear-${now}`, project: PROJECT, costUsd: 1.2 * BUDGETS_USD.repo_daily },
      },
    ],
  },
  { alerts: ['FleetCacheEvictions'], events: (now, random) => [cache(now, random.integer(5, 500))] },
  {
    alerts: ['FleetSprintChainFailed'],
    events: (now) => [
      {
        kind: 'chain',
        at: iso(now),
        data: { chainId: 'chain', project: PROJECT, status: 'failed', finishedAt: iso(now) },
      },
    ],
  },
  {
    alerts: ['FleetPullRequestBlockedOnCi'],
    events: (now) => [
      run('blocked', now, {
        status: 'succeeded',
        startedAt: iso(now - 3 * 60 * MINUTE_MS),
        finishedAt: iso(now - 2 * 60 * MINUTE_MS),
        pullRequest: {
          status: 'blocked_on_ci',
          url: 'https://github.com/acme/shop/pull/1',
          blockedSince: iso(now - 90 * MINUTE_MS),
        },
      }),
    ],
  },
];

/** What happened before: every series exists. */
function past(now: number): Omit<PushedEvent, 'id' | 'source'>[] {
  return [
    ...times(4, (i) =>
      run(`usual-${i}`, now, {
        status: 'succeeded',
        startedAt: iso(now - MINUTE_MS),
        finishedAt: iso(now - 1_000),
        costUsd: 0.1,
      }),
    ),
    error('renderDiff', now, 0),
    error('handleIssueComment', now, 0),
    limited(now, 0),
    cache(now, 0),
    {
      kind: 'chain',
      at: iso(now),
      data: { chainId: 'usual', project: PROJECT, status: 'succeeded', finishedAt: iso(now) },
    },
    // The series of the category that will be a pattern: one failure of five that somebody looked at.
    run('known', now, {
      status: 'cancelled',
      startedAt: iso(now - MINUTE_MS),
      finishedAt: iso(now - 1_000),
      error: { surface: 'run', category: 'api_key', message: 'the key is invalid' },
    }),
  ];
}

/**
 * The same in real time: events are pushed to a real exporter, a real Prometheus scrapes it and evaluates the shipped rules every
 * second, and the shipped Alertmanager (with intervals of a second) tells receivers.
 */
export async function playInRealTime(seed: string, say: (line: string) => void = () => {}): Promise<RealTimeScore> {
  await using parts = new AsyncDisposableStack();
  const started = <T extends { stop(): Promise<void> }>(part: T): T => {
    parts.defer(() => part.stop());
    return part;
  };
  const cluster = started(await startPostgres({ durable: false }));
  const receiver = await startWebhookReceiver();
  parts.defer(() => receiver.close());
  const alertmanager = started(await startAlertmanager({ urlOf: () => receiver.url }));
  const exporter = started(
    await startExporter({
      config: {
        ledger: { database_url: cluster.connectionString() },
        tokens: [{ name: 'gameday', role: 'ingest', token: TOKEN }],
        budgets: {
          per_repo_daily_usd: BUDGETS_USD.repo_daily,
          actions_on_exceed: ['pause new sessions on the affected scope', 'require admin acknowledge to resume'],
        },
      },
    }),
  );
  const files = (await readdir(RULES_DIRECTORY)).filter((name) => name.endsWith('.yml'));
  const ruleFiles = Object.fromEntries(
    await Promise.all(files.map(async (name) => [name, await readFile(join(RULES_DIRECTORY, name), 'utf8')] as const)),
  );
  const prometheus = started(
    await startPrometheus({
      targets: [exporter.url],
      ruleFiles,
      config: {
        alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.url.replace('http://', '')] }] }] },
      },
    }),
  );

  let sent = 0;
  const push = async (events: readonly Omit<PushedEvent, 'id' | 'source'>[]) => {
    const answer = await pushEvents(
      exporter.url,
      TOKEN,
      events.map((event) => ({ ...event, id: `gameday-${sent++}`, source: SOURCE })),
    );
    if (answer.status !== 200 || answer.accepted !== events.length)
      throw new Error(`gameday: expected ${events.length} events to be accepted, found ${JSON.stringify(answer)}`);
  };
  /** Which alerts a message names, and when it came. */
  const told = () =>
    receiver.received.flatMap(({ body, atMs, path }) =>
      [...new Set(JSON.stringify(body).match(/\bFleet[A-Z][A-Za-z]+/g))]
        // A message that all is well again is none about an alert.
        .filter((alert) => alert !== WATCHDOG && !/resolved/i.test(String(body.event_action ?? body.status ?? '')))
        .map((alert) => ({ alert, atMs, path })),
    );

  await push(past(Date.now()));
  await waitFor(async () => (await prometheus.query('fleet_runs_finished_total')).length > 0, {
    what: 'the first scrape',
    timeoutMs: 60_000,
  });
  say(`a minute in which nothing happens`);
  const quietUntilMs = Date.now() + WARM_UP_MS;
  await waitFor(() => Date.now() > quietUntilMs, { what: 'the warm-up', timeoutMs: 2 * WARM_UP_MS, intervalMs: 500 });
  const early = told().map(({ alert }) => alert);

  const random = new Random(seed, 'real time');
  const order = [...INCIDENTS].sort(() => random.next() - 0.5);
  const pages: RealPage[] = [];
  for (const { alerts, events } of order) {
    await push(events(Date.now(), random));
    const trueMs = Date.now();
    for (const alert of alerts) {
      const [first] = await waitFor(() => told().filter((one) => one.alert === alert && one.atMs >= trueMs - 1_000), {
        what: `a message about ${alert}`,
        timeoutMs: 30_000,
      }).catch(() => []);
      pages.push({ alert, delayMs: first && Math.max(0, first.atMs - trueMs) });
      say(`${alert}: ${first === undefined ? 'nobody was told' : `${first.atMs - trueMs} ms`}`);
    }
  }
  const expected = new Set([
    ...INCIDENTS.flatMap(({ alerts }) => alerts),
    'FleetBudgetNearLimit',
    'FleetErrorRateAboveBaseline',
    'FleetRunErrorBudgetBurn',
  ]);
  const falsePages = [...new Set([...early, ...told().flatMap(({ alert }) => (expected.has(alert) ? [] : [alert]))])];
  return { pages, falsePages };
}

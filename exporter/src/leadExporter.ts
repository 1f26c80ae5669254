import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Gauge } from 'prom-client';
import { AuditDelivery } from './audit/auditDelivery.ts';
import type { Config, SourceConfig } from './config.ts';
import type { HealthRegistry } from './http/healthRegistry.ts';
import { keepFigures } from './ledger/analytics/keepFigures.ts';
import { verifyFacts } from './ledger/analytics/verifyFacts.ts';
import { inheritSla } from './ledger/inheritSla.ts';
import type { Ledger } from './ledger/ledger.ts';
import { pruneLedger } from './ledger/retention/pruneLedger.ts';
import { verifyLedger } from './ledger/verify/verifyLedger.ts';
import { OutboxDelivery } from './outbox/outboxDelivery.ts';
import { receiversIn } from './outbox/receivers.ts';
import { SourceCounters } from './sourceCounters.ts';
import { watchSources } from './sourceHealth.ts';
import { createSource } from './sources/createSource.ts';
import { type Leader, runLeader } from './sources/poll/runLeader.ts';
import { runPolls } from './sources/poll/runPolls.ts';
import type { SourceMetrics } from './sources/poll/sourceMetrics.ts';

export interface LeadOptions {
  config(): Config;
  readonly ledger: Ledger;
  readonly migrated: Promise<void>;
  readonly sourceMetrics: SourceMetrics;
  readonly health: HealthRegistry;
  /** `fleetlens_source_figure_difference` */
  readonly counterDifference: Gauge;
  /** `fleetlens_audit_webhook_failing_timestamp_seconds` */
  readonly auditFailing: Gauge;
  readonly log: Logger;
  connect(): Promise<pg.Client>;
}

/** How often the ledger is asked for runs that went silent or wait for late usage. */
const SWEEP_MS = 2_000;
const DELIVER_MS = 1_000;
const SLA_MS = 5_000;
const PRUNE_MS = 60 * 60_000;
const COMPARE_MS = 60_000;
/** It reads every record once: daily is often enough to notice, and little enough to bear. */
const VERIFY_MS = 24 * 60 * 60_000;
/** Not while the exporter starts and catches up. */
const FIRST_VERIFY_MS = 15 * 60_000;

/** What one replica does for all: polls the sources, looks at what is due, prunes what is old. */
export function leadExporter(options: LeadOptions): Leader {
  const { config, ledger, log } = options;
  const names = config().sources.map((source) => source.name);
  const watched = watchSources(options.health, names, options.sourceMetrics);
  const audit = new AuditDelivery(config().audit.webhook, options.auditFailing, options.health);
  const counters = new SourceCounters(options.counterDifference, options.health);
  const leader = runLeader({
    connect: options.connect,
    log,
    async onLead(signal) {
      // Whoever stops meanwhile must not wait for a schema that never comes.
      await Promise.race([options.migrated, aborted(signal)]);
      if (signal.aborted) return;
      const outbox = new OutboxDelivery({ pool: ledger.pool, receivers: () => receiversIn(config()), log });
      const polled = config().sources.map((entry: SourceConfig) => ({
        name: entry.name,
        source: createSource(entry, log),
        pollIntervalMs: entry.poll_interval,
        timeoutMs: entry.timeout,
      }));
      try {
        await Promise.all([
          runPolls(polled, { ledger, metrics: watched.metrics, log, signal }),
          every(SWEEP_MS, signal, log, 'sweep', async () => {
            while (!signal.aborted && (await ledger.sweepIfDue())) {}
          }),
          pause(FIRST_VERIFY_MS, signal).then(() => every(VERIFY_MS, signal, log, 'verify', () => verify(ledger, log))),
          every(DELIVER_MS, signal, log, 'outbox', () => outbox.deliverDue(signal)),
          every(COMPARE_MS, signal, log, 'compare counters', () => counters.compare(ledger.pool)),
          every(SLA_MS, signal, log, 'approval SLAs', () => inheritSla(ledger, config().approvals)),
          audit.deliver(ledger.pool, log, signal),
          keepFigures(ledger.pool, log, signal),
          every(PRUNE_MS, signal, log, 'prune', () =>
            pruneLedger(ledger, { ...config().ledger.retention, audit: config().audit.retention }),
          ),
        ]);
      } finally {
        counters.forget();
        await outbox.settle();
        await Promise.all(polled.map(({ source }) => source.close()));
      }
    },
  });
  return {
    async stop() {
      await leader.stop();
      watched.unregister();
      counters.unregister();
      audit.unregister();
    },
  };
}

async function verify(ledger: Ledger, log: Logger): Promise<void> {
  const { differences } = await verifyLedger(ledger.pool);
  const { facts, sums } = await verifyFacts(ledger.pool);
  if (facts + sums > 0) log.error({ facts, sums }, 'analytics does not verify: `fleetlens ledger rebuild` repairs it');
  if (differences.length === 0) return;
  log.error(
    { differences: differences.length, first: differences.slice(0, 5) },
    'the ledger does not verify: `fleetlens ledger verify` lists every difference, `fleetlens ledger rebuild` repairs them',
  );
}

/** Runs `work` again and again until the signal aborts; a failure is logged and the next round comes. */
async function every(
  intervalMs: number,
  signal: AbortSignal,
  log: Logger,
  name: string,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted)
        log.warn({ err: error, work: name }, 'upkeep of the ledger failed; trying again in its next round');
    }
    await pause(intervalMs, signal);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

/** Ends early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

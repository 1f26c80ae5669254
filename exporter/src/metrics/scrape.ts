import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type FamilyName, familyOf } from '../contract/metricCatalogue.ts';
import type { Format } from './exposition.ts';
import { familyHeader, formatNumber, labelPairs } from './exposition.ts';
import type { RollupSnapshot } from './rollupSnapshot.ts';
import { renderSelfMetrics, selfGauge } from './selfMetrics.ts';

export interface Scraper {
  /** The whole exposition, in pieces. Never throws for a ledger that is gone: then it holds the exporter's own families alone. */
  scrape(format: Format): Promise<Buffer[]>;
}

/** Scrapes that arrive while one is under way share the next one: each sees what was committed before it arrived. */
export function createScraper(snapshot: RollupSnapshot, registry: Registry, log: Logger): Scraper {
  const ledgerUp = selfGauge(registry, 'fleetlens_ledger_up');
  const duration = selfGauge(registry, 'fleetlens_scrape_duration_seconds');
  const next = new Map<Format, Promise<Buffer[]>>();
  let turn: Promise<unknown> = Promise.resolve();
  let wasUp = true;

  async function once(format: Format): Promise<Buffer[]> {
    const started = performance.now();
    let ledger: { chunks: Buffer[]; series: Map<string, number> } = { chunks: [], series: new Map() };
    try {
      await snapshot.refresh();
      ledger = await snapshot.render(format);
      ledgerUp.set(1);
      wasUp = true;
    } catch (error) {
      // Old figures must not pass for new ones: without the ledger there are none.
      ledgerUp.set(0);
      if (wasUp)
        log.error({ err: error }, 'scrape: the ledger does not answer; fleet_* families are left out until it does');
      wasUp = false;
    }
    duration.set((performance.now() - started) / 1000);
    const own = await renderSelfMetrics(registry, format, (family, error) =>
      log.error({ err: error, family }, 'scrape: a collector failed; its family is left out'),
    );
    const sources = wasUp ? renderSourceGauges(snapshot, format) : '';
    const series = renderSeriesCounts(ledger.series, format);
    const end = format === 'openmetrics' ? '# EOF\n' : '';
    return [...ledger.chunks, Buffer.from(sources + own.text + series + end)];
  }

  return {
    scrape(format) {
      const waiting = next.get(format);
      if (waiting !== undefined) return waiting;
      const start = () => {
        next.delete(format);
        return once(format);
      };
      const job = turn.then(start, start);
      next.set(format, job);
      turn = job;
      return job;
    },
  };
}

function renderFamily(
  name: FamilyName,
  samples: readonly { labels: readonly string[]; value: number }[],
  format: Format,
): string {
  if (samples.length === 0) return '';
  const family = familyOf(name);
  return (
    familyHeader(family, format) +
    samples
      .map(({ labels, value }) => {
        const pairs = labelPairs(family.labels, labels);
        return `${name}${pairs === '' ? '' : `{${pairs}}`} ${formatNumber(value)}\n`;
      })
      .join('')
  );
}

/** What the ledger knows of its sources. */
function renderSourceGauges(snapshot: RollupSnapshot, format: Format): string {
  const { sources, mismatches } = snapshot;
  const of = (value: (source: (typeof sources)[number]) => number | undefined) =>
    sources.flatMap((source) => {
      const v = value(source);
      return v === undefined ? [] : [{ labels: [source.source], value: v }];
    });
  return (
    renderFamily(
      'fleetlens_source_catching_up',
      of((s) => Number(s.catchingUp)),
      format,
    ) +
    renderFamily(
      'fleetlens_source_last_event_timestamp_seconds',
      of((s) => (s.lastEventMs === undefined ? undefined : s.lastEventMs / 1000)),
      format,
    ) +
    renderFamily(
      'fleetlens_source_usual_gap_seconds',
      of((s) => s.usualGapSeconds),
      format,
    ) +
    renderFamily(
      'fleetlens_dead_letters',
      of((s) => s.deadLetters),
      format,
    ) +
    renderFamily(
      'fleetlens_ledger_mismatches',
      mismatches === undefined ? [] : [{ labels: [], value: mismatches }],
      format,
    )
  );
}

function renderSeriesCounts(series: ReadonlyMap<string, number>, format: Format): string {
  return renderFamily(
    'fleetlens_series',
    [...series].map(([family, value]) => ({ labels: [family], value })),
    format,
  );
}

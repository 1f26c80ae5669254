import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type FamilyName, familyOf } from '../contract/metricCatalogue.ts';
import type { Format } from './exposition.ts';
import { familyHeader, formatNumber, labelPairs } from './exposition.ts';
import type { RollupSnapshot, SourceGauge } from './rollupSnapshot.ts';
import { renderSelfMetrics, selfGauge } from './selfMetrics.ts';

export interface Scraper {
  /** The whole exposition, in pieces. Never throws for a ledger that is gone: then it holds the exporter's own families alone. */
  scrape(format: Format): Promise<Buffer[]>;
}

/**
 * Scrapes that arrive while one is under way share the next one: each sees what was committed before it arrived.
 * @param allows whether a family is exposed; of the ledger's families the snapshot says so itself
 * @param readMore families that the ledger has besides its rollups; where it throws, the ledger counts as gone
 */
export function createScraper(
  snapshot: RollupSnapshot,
  registry: Registry,
  log: Logger,
  allows: (family: string) => boolean = () => true,
  readMore: () => Promise<readonly GaugeFamily[]> = async () => [],
): Scraper {
  const ledgerUp = selfGauge(registry, 'fleetlens_ledger_up');
  const duration = selfGauge(registry, 'fleetlens_scrape_duration_seconds');
  const next = new Map<Format, Promise<Buffer[]>>();
  let turn: Promise<unknown> = Promise.resolve();
  let wasUp = true;

  async function once(format: Format): Promise<Buffer[]> {
    const started = performance.now();
    let ledger: { chunks: Buffer[]; series: Map<string, number> } = { chunks: [], series: new Map() };
    let more: readonly GaugeFamily[] = [];
    try {
      await snapshot.refresh();
      const read = await readMore();
      ledger = await snapshot.render(format);
      more = read.filter(({ name, samples }) => samples.length > 0 && allows(name));
      for (const { name, samples } of more) ledger.series.set(name, samples.length);
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
    const own = await renderSelfMetrics(registry, format, {
      allows,
      onFailure: (family, error) =>
        log.error({ err: error, family }, 'scrape: a collector failed; its family is left out'),
    });
    const known = [...more, ...(wasUp ? sourceGauges(snapshot) : []), seriesCounts(ledger.series)]
      .filter(({ name }) => allows(name))
      .map(({ name, samples }) => renderFamily(name, samples, format))
      .join('');
    const end = format === 'openmetrics' ? '# EOF\n' : '';
    return [...ledger.chunks, Buffer.from(known + own + end)];
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

/** A family of gauges with its samples. */
export interface GaugeFamily {
  readonly name: FamilyName;
  readonly samples: readonly { readonly labels: readonly string[]; readonly value: number }[];
}

function renderFamily(name: FamilyName, samples: GaugeFamily['samples'], format: Format): string {
  if (samples.length === 0) return '';
  const family = familyOf(name);
  const lines = samples.map(({ labels, value }) => {
    const pairs = labelPairs(family.labels, labels);
    return `${name}${pairs === '' ? '' : `{${pairs}}`} ${formatNumber(value)}\n`;
  });
  return familyHeader(family, format) + lines.join('');
}

/** What the ledger knows of its sources and of itself. */
function sourceGauges({ sources, mismatches }: RollupSnapshot): GaugeFamily[] {
  const bySource = (name: FamilyName, value: (source: SourceGauge) => number | undefined): GaugeFamily => ({
    name,
    samples: sources.flatMap((source) => {
      const v = value(source);
      return v === undefined ? [] : [{ labels: [source.source], value: v }];
    }),
  });
  return [
    bySource('fleetlens_source_catching_up', (s) => Number(s.catchingUp)),
    bySource('fleetlens_source_last_event_timestamp_seconds', (s) => s.lastEventMs && s.lastEventMs / 1000),
    bySource('fleetlens_source_usual_gap_seconds', (s) => s.usualGapSeconds),
    bySource('fleetlens_dead_letters', (s) => s.deadLetters),
    {
      name: 'fleetlens_ledger_mismatches',
      samples: mismatches === undefined ? [] : [{ labels: [], value: mismatches }],
    },
  ];
}

function seriesCounts(series: ReadonlyMap<string, number>): GaugeFamily {
  return {
    name: 'fleetlens_series',
    samples: [...series].map(([family, value]) => ({ labels: [family], value })),
  };
}

import { pino } from 'pino';
import { type Counter, Registry } from 'prom-client';
import { type FamilyName, familyOf } from '../../exporter/src/contract/metricCatalogue.ts';
import { budgetGauges } from '../../exporter/src/metrics/budgetGauges.ts';
import { BIRTH_MS, RollupSnapshot } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { createScraper, type Scraper } from '../../exporter/src/metrics/scrape.ts';
import { renderSelfMetrics, selfCounter } from '../../exporter/src/metrics/selfMetrics.ts';
import { createSourceMetrics, type SourceMetrics } from '../../exporter/src/sources/poll/sourceMetrics.ts';
import { SeriesBook } from './seriesBook.ts';
import type { SimulatedLedger } from './simulatedLedger.ts';
import type { Span } from './steps.ts';
import type { Happening, Outage, Timeline } from './timeline.ts';
import { CRUCIBLE, LEGACY, MINUTE_MS, POLL_MS, REPLICAS, SETTLE_MS } from './world.ts';

/** What Prometheus would have scraped. */
export interface ScrapedMonth {
  readonly book: SeriesBook;
  readonly intervalMs: number;
  /** When the scrape of a number took place. */
  timeOf(target: string, scrape: number): number;
  readonly scrapes: number;
  /** Whether counters that an expression names, with these labels as far as they have them, were first shown in the time. */
  wasBorn(expr: string, labels: Readonly<Record<string, string>>, span: Span): boolean;
}

export interface ReplayOptions {
  /** Closed at the end. */
  readonly ledger: SimulatedLedger;
  readonly intervalMs: number;
  /** Families that rules or records need; others are neither rendered nor kept. */
  readonly families: ReadonlySet<string>;
  /** Milliseconds after the minute at which each target is scraped, as Prometheus spreads them. */
  readonly offsetMs: (target: string) => number;
  readonly onProgress?: (scrape: number, scrapes: number) => void;
}

/** A quarter of an hour: budgets change at its end at the earliest without anything happening. */
const SLOT_MS = 15 * MINUTE_MS;
/** After late events a source counts as behind for so long. */
const BEHIND_FOR_MS = 5 * MINUTE_MS;

/**
 * Lets a ledger live through the timeline and keeps what the exporter shows at every scrape. Nothing is read from the
 * ledger while nothing can have changed: the exposition is a function of the rollups and of the time, and the time matters for
 * births (60 s), runs that are due, budget windows (quarters of an hour) and sources that are behind (5 min) alone.
 */
export async function replayMonth(timeline: Timeline, options: ReplayOptions): Promise<ScrapedMonth> {
  const { ledger, intervalMs, families, offsetMs } = options;
  try {
    const book = new SeriesBook();
    const takes = (name: string) => families.has(name) || families.has(name.replace(/_(bucket|sum|count)$/, ''));
    const down = outageLookup(timeline.outages);
    const replicas = new Map(REPLICAS.map((target) => [target, new Replica(ledger, down, families)]));
    const scrapes = Math.floor((timeline.endMs - timeline.startMs) / intervalMs);
    const timeOf = (target: string, scrape: number) => timeline.startMs + offsetMs(target) + scrape * intervalMs;
    const turns = REPLICAS.map((target) => ({ target, offset: offsetMs(target) })).sort((a, b) => a.offset - b.offset);
    const active = new ActiveTimes(timeline.happenings);
    const legacy = timeline.happenings.find((h) => h.what === 'event' && h.source === LEGACY);
    const polledAt = (ms: number) => (legacy !== undefined && legacy.at <= ms ? [CRUCIBLE, LEGACY] : [CRUCIBLE]);
    let next = 0;
    for (let scrape = 0; scrape < scrapes; scrape++) {
      options.onProgress?.(scrape, scrapes);
      for (const { target } of turns) {
        const replica = replicas.get(target) as Replica;
        const nowMs = timeOf(target, scrape);
        const happened: Happening[] = [];
        for (let h = timeline.happenings[next]; h !== undefined && h.at <= nowMs; h = timeline.happenings[++next])
          happened.push(h);
        const isDue = active.isDue(nowMs - intervalMs, nowMs);
        if (happened.length > 0 || isDue) {
          for (const [at, together] of Map.groupBy(happened, (happening) => happening.at)) {
            await ledger.setClock(at);
            await ledger.apply(together);
          }
          // The exporter looks every few seconds at what is due, not with the next event.
          if (isDue) {
            await ledger.setClock(nowMs);
            await ledger.apply([]);
          }
          for (const h of happened) {
            if (h.what === 'restart')
              replicas.get(h.replica as (typeof REPLICAS)[number])?.restart(h.at, polledAt(h.at));
            else (replicas.get(REPLICAS[0]) as Replica).note(h);
          }
          for (const each of replicas.values()) each.activeUntilMs = nowMs + BIRTH_MS + intervalMs;
        }
        if (down('target', nowMs, target)) {
          book.removed(target, scrape);
          continue;
        }
        if (down('replica', nowMs, target)) {
          book.failed(target, scrape);
          replica.activeUntilMs = Number.POSITIVE_INFINITY;
          continue;
        }
        // One of them polls; should it be gone, another one does.
        const leader = REPLICAS.find((one) => !down('target', nowMs, one) && !down('replica', nowMs, one));
        if (target === leader) replica.poll(nowMs, polledAt(nowMs));
        const slot = Math.floor(nowMs / SLOT_MS) !== Math.floor((nowMs - intervalMs) / SLOT_MS);
        // While the ledger is gone each scrape tries anew, and what comes back is looked at as after a start.
        if (down('ledger', nowMs)) replica.activeUntilMs = nowMs + BIRTH_MS + intervalMs;
        const whole = slot || nowMs <= replica.activeUntilMs;
        if (whole) await ledger.setClock(nowMs);
        const text = whole ? await replica.scrape(nowMs) : await replica.own();
        if (replica.activeUntilMs === Number.POSITIVE_INFINITY) replica.activeUntilMs = nowMs + BIRTH_MS + intervalMs;
        book.scraped(target, scrape, text, takes, { whole });
      }
    }
    const wasBorn: ScrapedMonth['wasBorn'] = (expr, labels, { from, to }) => {
      const read = familiesIn([expr]);
      for (const { labels: own, target, scrapes: changes } of book.series) {
        const at = timeOf(target, changes[0] ?? 0);
        if (at < from || at > to || target !== REPLICAS[0]) continue;
        const name = own.find(([label]) => label === '__name__')?.[1] ?? '';
        if (!read.has(name) || !name.endsWith('_total')) continue;
        if (own.every(([label, value]) => labels[label] === undefined || labels[label] === value)) return true;
      }
      return false;
    };
    return { book, intervalMs, timeOf, scrapes, wasBorn };
  } finally {
    await ledger.close();
  }
}

type Down = (of: Outage['of'], ms: number, name?: string) => boolean;

function outageLookup(outages: readonly Outage[]): Down {
  const nameOf = (outage: Outage) =>
    outage.of === 'source' ? outage.source : 'replica' in outage ? outage.replica : undefined;
  return (of, ms, name) =>
    outages.some((o) => o.of === of && o.from <= ms && ms < o.to && (name === undefined || nameOf(o) === name));
}

/** One exporter process: what it keeps in memory. */
class Replica {
  readonly #ledger: SimulatedLedger;
  readonly #down: Down;
  readonly #families: ReadonlySet<string>;
  #registry!: Registry;
  #sourceMetrics!: SourceMetrics;
  #ingested!: Counter;
  #scraper!: Scraper;
  #nowMs = 0;
  /** The last poll before it was started, and the last one that it made. */
  #startedMs = 0;
  #polledMs = 0;
  #isStarted = false;
  /** It is asked in full up to this time. */
  activeUntilMs = Number.POSITIVE_INFINITY;

  constructor(ledger: SimulatedLedger, down: Down, families: ReadonlySet<string>) {
    this.#ledger = ledger;
    this.#down = down;
    this.#families = families;
  }

  restart(atMs: number, polled: readonly string[]): void {
    const { pool } = this.#ledger;
    const allows = (family: string) => this.#families.has(family);
    this.#registry = new Registry();
    this.#sourceMetrics = createSourceMetrics(this.#registry, polled, new Date(atMs));
    this.#ingested = selfCounter(this.#registry, 'fleetlens_ingest_events_total');
    this.#scraper = createScraper(
      new RollupSnapshot(pool, { allows }),
      this.#registry,
      pino({ level: 'silent' }),
      allows,
      async () => {
        if (this.#down('ledger', this.#nowMs)) throw new Error('the ledger does not answer');
        return budgetGauges(await this.#ledger.readBudgets());
      },
    );
    this.#startedMs = Math.floor(atMs / POLL_MS) * POLL_MS;
    this.#isStarted = true;
    this.activeUntilMs = Number.POSITIVE_INFINITY;
  }

  #ensureStarted(nowMs: number, polled: readonly string[]): void {
    if (!this.#isStarted) this.restart(nowMs, polled);
  }

  /** The polls since the last scrape; they worked unless the source is gone. */
  poll(nowMs: number, polled: readonly string[]): void {
    this.#ensureStarted(nowMs, polled);
    const last = Math.floor(nowMs / POLL_MS) * POLL_MS;
    // Several polls lie between two scrapes: the last one that worked counts, also where later ones did not.
    for (let at = Math.max(this.#polledMs, this.#startedMs, last - MINUTE_MS) + POLL_MS; at <= last; at += POLL_MS)
      for (const source of polled) {
        if (this.#down('ledger', at)) continue;
        if (this.#down('source', at, source)) this.#sourceMetrics.pollFailed(source, 1);
        else this.#sourceMetrics.pollWorked(source, 0.2, new Date(at));
      }
    this.#polledMs = last;
  }

  note(happening: Happening): void {
    this.#ensureStarted(happening.at, [CRUCIBLE]);
    if (happening.what === 'event') this.#ingested.inc({ source: happening.source, result: 'accepted' });
    else if (happening.what === 'refused')
      this.#ingested.inc({ source: happening.source, result: 'refused' }, happening.count);
    else if (happening.what === 'requests')
      for (let i = 0; i < happening.count; i++) this.#sourceMetrics.countRequest(happening.source, happening.result);
  }

  async scrape(nowMs: number): Promise<string> {
    this.#ensureStarted(nowMs, [CRUCIBLE]);
    this.#nowMs = nowMs;
    return Buffer.concat(await this.#scraper.scrape('text')).toString();
  }

  /** What it says without its ledger: that alone moves while nothing happens. */
  async own(): Promise<string> {
    return await renderSelfMetrics(this.#registry, 'text', {
      allows: (family) => this.#families.has(family),
      onFailure: (family, error) => {
        throw new Error(`gameday: ${family} cannot be rendered`, { cause: error });
      },
    });
  }
}

/** When something can change although nothing happens. */
class ActiveTimes {
  readonly #times: readonly number[];

  constructor(happenings: readonly Happening[]) {
    this.#times = happenings
      .flatMap((h) => {
        if (h.what !== 'event') return [];
        const ended = h.data.finishedAt;
        return [
          ...(typeof ended === 'string' ? [Math.max(h.at, Date.parse(ended)) + SETTLE_MS] : []),
          ...(h.at - h.saidAt > MINUTE_MS ? [h.at + MINUTE_MS, h.at + BEHIND_FOR_MS + 1] : []),
        ];
      })
      .sort((a, b) => a - b);
  }

  /** @returns whether a time lies after `fromMs`, up to `toMs`. */
  isDue(fromMs: number, toMs: number): boolean {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] as number) > fromMs) high = middle;
      else low = middle + 1;
    }
    const time = this.#times[low];
    return time !== undefined && time <= toMs;
  }
}

/** @returns whether a time lies in one of the stretches. */
export function isIn(spans: readonly Span[], ms: number): boolean {
  return spans.some(({ from, to }) => from <= ms && ms < to);
}

/** Families of the catalogue that an expression names. */
export function familiesIn(expressions: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (const expression of expressions)
    for (const [word] of expression.matchAll(/\bfleet(?:lens)?_[a-z0-9_]+/g)) {
      const name = word.replace(/_(bucket|sum|count)$/, '');
      names.add(isFamily(word) ? word : name);
    }
  return names;
}

function isFamily(name: string): name is FamilyName {
  try {
    return familyOf(name as FamilyName) !== undefined;
  } catch {
    return false;
  }
}

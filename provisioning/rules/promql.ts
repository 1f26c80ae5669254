import type { FamilyName } from '../../exporter/src/contract/metricCatalogue.ts';

/** Prometheus' job that scrapes the replicas of the exporter, in every configuration of this project. */
export const JOB = 'fleetlens';

/** Labels that tell replicas apart: every replica shows the same figures, so one of them counts. */
const REPLICA_LABELS = 'instance, pod, replica';

/** One value of the same figure on every replica. */
export function once(expression: string): string {
  return `max without (${REPLICA_LABELS}) (${expression})`;
}

/** As `once`, where the worst replica counts. */
export function least(expression: string): string {
  return `min without (${REPLICA_LABELS}) (${expression})`;
}

/**
 * How long ago it was, seconds, when it was scraped. Of `time()` instead, what ended since the last scrape would grow older until the next
 * one; without a `for` that is enough to fire.
 */
export function ageWhenSeen(timestamp: FamilyName): string {
  return least(`timestamp(${timestamp}) - ${timestamp}`);
}

type Series = FamilyName | `${FamilyName}_${'sum' | 'count' | 'bucket'}`;

/** What a counter rose by in a window that ends `offset` ago, by the labels. `matchers` come without braces. */
export function rise(labels: string, series: Series, matchers: string, window: string, offset?: string): string {
  const selector = matchers === '' ? series : `${series}{${matchers}}`;
  const range = `${selector}[${window}]${offset === undefined ? '' : ` offset ${offset}`}`;
  return `sum by (${labels}) (${once(`increase(${range})`)})`;
}

/** A series that a scrape missed says for so long what it said last, as everywhere in Prometheus. */
const LOOKBACK = '5m';

/** What a series said so long ago, or said last before, should that scrape have been missed. */
export function saidAgo(selector: string, ago: string): string {
  return `last_over_time(${selector}[${LOOKBACK}] offset ${ago})`;
}

/**
 * As `rise`, to the last one: increase() extrapolates, and what happens between the samples of two windows that follow each other it
 * has in neither. A series that began in the window rose from what it showed first. For what the ledger counts: it never begins anew, as
 * the exporter's own counters do with its process.
 */
export function riseExactly(
  labels: string,
  series: Series,
  matchers: string,
  window: string,
  offset: string | undefined = undefined,
): string {
  const selector = matchers === '' ? series : `${series}{${matchers}}`;
  const back = offset === undefined ? '' : ` offset ${offset}`;
  const begin = offset === undefined ? window : `${durationSeconds(window) + durationSeconds(offset)}s`;
  const now = `last_over_time(${selector}[${LOOKBACK}]${back})`;
  return `sum by (${labels}) (${once(`${now} - (${saidAgo(selector, begin)} or min_over_time(${selector}[${window}]${back}))`)})`;
}

/** As `riseExactly`, in the window that is open now: windows of that length begin when the clock says so. */
export function riseInOpenWindow(labels: string, series: Series, matchers: string, window: string): string {
  const selector = matchers === '' ? series : `${series}{${matchers}}`;
  const now = `last_over_time(${selector}[${LOOKBACK}])`;
  return `sum by (${labels}) (${once(`${now} - last_over_time(${now}[${window}:${window}])`)})`;
}

/** In pieces of so long history is looked for; what happens now in the same piece is taken for history, too. */
export const PIECE = '5m';

/** What a counter rose by in the last piece while its source caught up: what it read then happened before. To be recorded. */
export function historyOfPiece(labels: string, series: Series, matchers: string): string {
  return whileCatchingUp(riseExactly(labels, series, matchers, PIECE));
}

/** As {@link historyOfPiece}, of what the counter rose by in the last piece. */
export function whileCatchingUp(riseOfPiece: string): string {
  return `
    ${riseOfPiece}
      and on (source) max_over_time(fleetlens_source_catching_up[${PIECE}]) == 1`;
}

/**
 * As `riseExactly`, without history. Rules over windows wait for an hour at most ({@link unlessCatchingUp}): a longer window still has in it
 * what was read late when they go on.
 * @param recorded the series that {@link historyOfPiece} is recorded as
 * @param present a series with these labels that is there whenever the counter is
 */
export function riseWithoutHistory(
  labels: string,
  series: Series,
  matchers: string,
  window: string,
  recorded: string,
  present: string = seenNow(labels, series, matchers),
): string {
  // A piece that began before the window is none of it: taken off, it would resolve what fires, six hours after. A second more, since
  // Prometheus 3 leaves the beginning of a range out: the first piece of the window would not be taken off.
  const within = `${durationSeconds(window) - durationSeconds(PIECE) + 1}s`;
  return `
    ${riseExactly(labels, series, matchers, window)}
    - (sum_over_time(${recorded}[${within}:${PIECE}]) or 0 * ${present})`;
}

function seenNow(labels: string, series: Series, matchers: string): string {
  const selector = matchers === '' ? series : `${series}{${matchers}}`;
  return `sum by (${labels}) (${once(`last_over_time(${selector}[${LOOKBACK}])`)})`;
}

/** Rules over windows leave a source out while it catches up: what is read late did not happen now. */
export function unlessCatchingUp(window: string): string {
  return `unless on (source) max_over_time(fleetlens_source_catching_up[${atMostOneHour(window)}]) == 1`;
}

function atMostOneHour(window: string): string {
  return isLonger(window) ? '1h' : window;
}

/** Whether rules wait for less than the window. */
export function isLonger(window: string): boolean {
  return durationSeconds(window) > 3600;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of a duration of one unit, as all thresholds are. */
export function durationSeconds(duration: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = UNIT_SECONDS[unit ?? ''];
  if (seconds === undefined)
    throw new Error(`found the duration "${duration}", expected a whole number with s, m, h or d, as in 15m`);
  return Number(amount) * seconds;
}

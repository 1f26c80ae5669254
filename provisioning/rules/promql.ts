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

type Series = FamilyName | `${FamilyName}_${'sum' | 'count' | 'bucket'}`;

/** What a counter rose by in a window that ends `offset` ago, by the labels. `matchers` come without braces. */
export function rise(labels: string, series: Series, matchers: string, window: string, offset?: string): string {
  const selector = matchers === '' ? series : `${series}{${matchers}}`;
  const range = `${selector}[${window}]${offset === undefined ? '' : ` offset ${offset}`}`;
  return `sum by (${labels}) (${once(`increase(${range})`)})`;
}

/** Rules over windows leave a source out while it catches up: what is read late did not happen now. */
export function unlessCatchingUp(window: string): string {
  return `unless on (source) max_over_time(fleetlens_source_catching_up[${atMostOneHour(window)}]) == 1`;
}

function atMostOneHour(window: string): string {
  return durationSeconds(window) > 3600 ? '1h' : window;
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

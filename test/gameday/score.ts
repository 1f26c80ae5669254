import { BIRTH_MS } from '../../exporter/src/metrics/rollupSnapshot.ts';
import { durationSeconds } from '../../provisioning/rules/promql.ts';
import { RESTART } from '../../provisioning/rules/thresholds.ts';
import type { Firing } from './alertStates.ts';
import type { Condition } from './oracle/evidence.ts';
import type { Page } from './pages.ts';
import type { Rule } from './readRules.ts';
import { joinSpans, type Span } from './steps.ts';
import type { Timeline } from './timeline.ts';
import { MINUTE_MS, REPLICAS } from './world.ts';

/** What became of one stretch in which a condition held. */
export interface Expected {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly span: Span;
  readonly result: 'found' | 'late' | 'missed' | 'inhibited';
  /** From when it had held for its `for` to the page, milliseconds. */
  readonly delayMs: number | undefined;
  /** A series that the rule reads was born with it: it shows 0 for its first 60 s (docs of the metrics), which is allowed for. */
  readonly isBorn: boolean;
  /** It is of a labelled incident; else chance made it, often by one run or a hundredth more than the threshold. */
  readonly isLabelled: boolean;
}

export interface Score {
  readonly seed: string;
  readonly expected: readonly Expected[];
  readonly falsePages: readonly Page[];
  readonly duplicatePages: readonly Page[];
  readonly pages: number;
  readonly incidents: readonly { readonly name: string; readonly missing: readonly string[] }[];
  readonly oddities: number;
}

/** The watchdog always fires: it is no page. */
const WATCHDOG = 'FleetWatchdog';

export interface ScoreInput {
  readonly timeline: Timeline;
  readonly conditions: readonly Condition[];
  readonly rules: readonly Rule[];
  readonly firings: readonly Firing[];
  readonly pages: readonly Page[];
  readonly intervalMs: number;
  /** Whether counters that an expression names, with these labels, were first shown between two moments. */
  readonly wasBorn: (expr: string, labels: Condition['labels'], span: Span) => boolean;
}

/** Holds what was paged against what the records say. */
export function scorePages({
  timeline,
  conditions,
  rules,
  firings,
  pages: all,
  intervalMs,
  wasBorn,
}: ScoreInput): Score {
  const pages = all.filter(({ alert }) => alert !== WATCHDOG);
  const slackMs = 2 * intervalMs;
  const ruleOf = (alert: string, labels: Condition['labels']) =>
    rules.find((rule) => rule.alert === alert && agree(rule.labels, labels)) ??
    rules.find((rule) => rule.alert === alert);
  const forOf = (alert: string, labels: Condition['labels']) => ruleOf(alert, labels)?.forMs ?? 0;
  const recorded = new Map(
    rules.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr] as const])),
  );
  const blind = blindSpans(timeline, intervalMs);
  const ofCondition = (condition: Condition) => (page: Firing) =>
    page.alert === condition.alert && agree(page.labels, condition.labels);

  const expected = conditions.flatMap((condition) => {
    const { alert, labels, spans } = condition;
    const forMs = forOf(alert, labels);
    const mine = pages.filter(ofCondition(condition));
    const fired = firings.filter(ofCondition(condition));
    return spans.flatMap((span): Expected[] => {
      const dueMs = span.from + forMs;
      // What ends before an evaluation has to have seen it is expected of nobody; nor is anything while nobody sees.
      if (span.to - span.from < forMs + slackMs || dueMs + slackMs >= timeline.endMs) return [];
      const isBlind = isBlinded(alert, labels, { from: span.from, to: dueMs + slackMs }, blind);
      const is = (from: number, to: number) => from < span.to + slackMs && to > dueMs;
      const page = mine.find(({ from, to }) => is(from, to));
      const isBorn = wasBorn(readBy(ruleOf(alert, labels)?.expr ?? '', recorded), labels, {
        from: span.from - BIRTH_MS - slackMs,
        to: span.from + slackMs,
      });
      const isLabelled = timeline.incidents.some(
        ({ alerts, from, to }) => alerts.includes(alert) && span.from < to + slackMs && span.to > from,
      );
      const common = { alert, labels, span, isBorn, isLabelled };
      const allowedMs = slackMs + (isBorn ? BIRTH_MS : 0);
      if (page === undefined || page.wasInhibited) {
        const inhibited = fired.some(({ from, to }) => is(from, to));
        if (isBlind && !inhibited) return [];
        return [{ ...common, result: inhibited ? 'inhibited' : 'missed', delayMs: undefined }];
      }
      const delayMs = Math.max(0, page.from - dueMs);
      if (isBlind && delayMs > allowedMs) return [];
      return [{ ...common, result: delayMs <= allowedMs ? 'found' : 'late', delayMs }];
    });
  });

  const spansFor = (page: Page) =>
    conditions.filter((condition) => ofCondition(condition)(page)).flatMap(({ spans }) => spans);
  const falsePages = pages.filter((page) => {
    const forMs = forOf(page.alert, page.labels);
    // No rule sees a break between two evaluations. In a stretch that is to be paged, or one that had lasted as long as it has to.
    // increase() extrapolates: it can be a moment ahead.
    return !joinSpans(spansFor(page), intervalMs).some(
      ({ from, to }) =>
        from <= page.from + slackMs &&
        to + slackMs >= page.from &&
        (to - from >= forMs || from <= page.from - forMs + slackMs),
    );
  });
  // That the exporter starts anew is no reason to tell it again.
  const restartMs = durationSeconds(RESTART) * 1_000 - slackMs;
  const outages = timeline.outages.filter((o) => o.of !== 'replica' || o.to - o.from >= restartMs);
  const deaf = blindSpans({ ...timeline, outages }, intervalMs);
  const duplicatePages = pages.filter((page) => {
    const told = joinSpans(spansFor(page), slackMs).find(
      ({ from, to }) => from <= page.from + slackMs && page.from <= to + slackMs,
    );
    return pages.some(
      (other) =>
        other.from < page.from &&
        other.alert === page.alert &&
        sameLabels(other.labels, page.labels) &&
        told !== undefined &&
        other.from >= told.from - slackMs &&
        !isBlinded(page.alert, page.labels, { from: other.from, to: page.from }, deaf),
    );
  });
  return {
    seed: timeline.seed,
    expected,
    falsePages,
    duplicatePages,
    pages: pages.length,
    incidents: timeline.incidents.map(({ name, alerts, from, to }) => ({
      name,
      missing: alerts.filter(
        (alert) =>
          !expected.some(
            (e) => e.alert === alert && e.result !== 'missed' && e.span.from >= from - MINUTE_MS && e.span.from <= to,
          ) && !pages.some((page) => page.alert === alert && page.from >= from && page.from <= to + 2 * MINUTE_MS),
      ),
    })),
    oddities: timeline.oddities.length,
  };
}

/** The expression with those of the recording rules that it reads. */
function readBy(expr: string, recorded: ReadonlyMap<string, string>): string {
  const read = [...recorded].filter(([record]) => expr.includes(record)).map(([, of]) => readBy(of, recorded));
  return [expr, ...read].join(' ');
}

/** A label that both have says the same. */
function agree(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(a).every(([name, value]) => name === 'severity' || b[name] === undefined || b[name] === value);
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return agree(a, b) && Object.keys(a).length === Object.keys(b).length;
}

interface Blind {
  /** What cannot be judged: everything, the fleet, or one source while it catches up. */
  readonly of: 'everything' | 'fleet' | { readonly source: string };
  readonly span: Span;
}

/** Alerts that speak of now, and those about the exporter, are judged while a source catches up. */
const EXEMPT = new Set(['FleetIntegrationAuthFailing', 'FleetStoreErrors', 'FleetIngestRefused']);
const OF_THE_EXPORTER = new Set(['FleetLedgerDown', 'FleetExporterDown', 'FleetReplicaDown', 'FleetSourceStale']);
const CATCH_UP_MS = 10 * MINUTE_MS;

function blindSpans({ outages, happenings }: Timeline, intervalMs: number): Blind[] {
  const afterMs = 2 * intervalMs;
  const spans: Blind[] = outages.flatMap((outage): Blind[] => {
    const span = { from: outage.from - afterMs, to: outage.to + afterMs };
    if (outage.of === 'prometheus') return [{ of: 'everything', span }];
    if (outage.of === 'ledger' || (outage.of === 'replica' && outage.replica === REPLICAS[0]))
      return [{ of: 'fleet', span }];
    if (outage.of === 'source') return [{ of: { source: outage.source }, span }];
    return [];
  });
  // Rules over windows leave a source alone while it catches up, and as long as that is in their window, at most an hour.
  for (const h of happenings)
    if (h.what === 'event' && h.at - h.saidAt >= CATCH_UP_MS)
      spans.push({ of: { source: h.source }, span: { from: h.at, to: h.at + CATCH_UP_MS + 60 * MINUTE_MS + afterMs } });
  return spans;
}

function isBlinded(
  alert: string,
  labels: Readonly<Record<string, string>>,
  within: Span,
  blind: readonly Blind[],
): boolean {
  return blind.some(({ of, span }) => {
    if (span.to <= within.from || span.from >= within.to) return false;
    if (of === 'everything') return true;
    if (OF_THE_EXPORTER.has(alert)) return false;
    if (of === 'fleet') return true;
    return !EXEMPT.has(alert) && labels.source === of.source;
  });
}

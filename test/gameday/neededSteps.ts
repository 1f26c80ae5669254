import type { AlertName } from '../../provisioning/rules/alertNames.ts';
import { PIECE } from '../../provisioning/rules/promql.ts';
import { valuesOf } from '../../provisioning/rules/thresholds.ts';
import { durationMs, type Rule } from './readRules.ts';
import { isIn, type ScrapedMonth } from './replayMonth.ts';
import { ENDED } from './seriesBook.ts';
import type { Evaluations, StepRange } from './simulatedPrometheus.ts';
import { DAY_MS, MINUTE_MS } from './world.ts';

/** A series says for so long what it said last, unless it ended. */
const LOOKBACK_MS = 5 * MINUTE_MS;
/** Stretches that lie closer are one: a request costs as much as so many evaluations. */
const JOINED_STEPS = 20;
/** All is evaluated throughout at first: an alert that fires of nothing shows there. */
const THROUGHOUT_MS = DAY_MS;

/** Without which an alert cannot fire: something of a family has risen in the window. */
interface Mover {
  readonly family: string;
  readonly of: (labels: ReadonlyMap<string, string>) => boolean;
  readonly window: string;
}

const anything = () => true;
const failedRuns = (labels: ReadonlyMap<string, string>) => /^(failed|timed_out)$/.test(labels.get('status') ?? '');
const burn = valuesOf('FleetRunErrorBudgetBurn');

/**
 * Of alerts that are dear to evaluate: what is above 0 only where this moved. All other alerts are evaluated at every evaluation.
 * The slow burn is no exception: its short window has to have a failure in it, too.
 */
const MOVERS: Partial<Record<AlertName, Mover>> = {
  FleetRunFailureRateHigh: {
    family: 'fleet_runs_finished_total',
    of: failedRuns,
    window: valuesOf('FleetRunFailureRateHigh').window,
  },
  FleetRunErrorBudgetBurn: { family: 'fleet_runs_finished_total', of: failedRuns, window: burn.slow_short },
  FleetAdapterErrorRateHigh: {
    family: 'fleet_adapter_requests_total',
    of: (labels) => labels.get('result') !== 'ok',
    window: valuesOf('FleetAdapterErrorRateHigh').window,
  },
  FleetErrorVolumeHigh: {
    family: 'fleet_errors_total',
    of: anything,
    window: valuesOf('FleetErrorVolumeHigh').window,
  },
  FleetErrorRateAboveBaseline: {
    family: 'fleet_errors_total',
    of: anything,
    window: valuesOf('FleetErrorRateAboveBaseline').window,
  },
};

/** A recorded history is there while a source catches up alone. */
const HISTORY = new RegExp(`:history${PIECE}$`);

/**
 * At which evaluations each rule has to be evaluated: an alert wherever it can be true, and a recording rule wherever what reads it looks.
 * Elsewhere alerts are not true, so that nothing is lost.
 */
export function neededSteps(
  rules: readonly Rule[],
  month: ScrapedMonth,
  grid: Evaluations,
): ReadonlyMap<Rule, StepRange[]> {
  const steps = stepsOf(grid);
  const needed = new Map<Rule, Uint8Array>();
  // Readers come after what they read.
  for (const rule of rules.toReversed()) {
    const own = needed.get(rule) ?? new Uint8Array(steps);
    needed.set(rule, own);
    const mover = rule.alert === undefined ? undefined : MOVERS[rule.alert as AlertName];
    if (rule.alert !== undefined) {
      if (mover === undefined) own.fill(1);
      else {
        own.fill(1, 0, Math.ceil(THROUGHOUT_MS / grid.intervalMs));
        markMoves(own, mover, month, grid);
      }
    }
    if (HISTORY.test(rule.record ?? '')) leaveOnly(own, whileCatchingUp(steps, month, grid));
    closeGaps(own);
    for (const read of rules) {
      if (read.record === undefined) continue;
      const backMs = looksBack(rule.expr, read.record);
      if (backMs === undefined) continue;
      const of = needed.get(read) ?? new Uint8Array(steps);
      needed.set(read, of);
      markBefore(of, own, Math.ceil(backMs / grid.intervalMs));
    }
  }
  return new Map([...needed].map(([rule, marks]) => [rule, rangesOf(marks)]));
}

/** All evaluations for all rules. */
export function everyStep(rules: readonly Rule[], grid: Evaluations): ReadonlyMap<Rule, StepRange[]> {
  return new Map(rules.map((rule) => [rule, [[0, stepsOf(grid) - 1]]]));
}

function stepsOf({ startMs, endMs, intervalMs }: Evaluations): number {
  return Math.ceil((endMs - startMs) / intervalMs);
}

function markMoves(marks: Uint8Array, { family, of, window }: Mover, month: ScrapedMonth, grid: Evaluations): void {
  const { startMs, intervalMs, gone } = grid;
  // Two more, since a scrape is not at the moment of an evaluation.
  const lasts = Math.ceil((durationMs(window) + LOOKBACK_MS) / intervalMs) + 2;
  const mark = (ms: number) => {
    const first = Math.max(0, Math.floor((ms - startMs) / intervalMs));
    marks.fill(1, first, Math.min(marks.length, first + lasts));
  };
  for (const { to } of gone) mark(to);
  for (const { labels, target, scrapes, values } of month.book.series) {
    const names = new Map(labels);
    if (names.get('__name__') !== family || !of(names)) continue;
    scrapes.forEach((scrape, i) => {
      // What begins says 0 rises; what ends does not rise.
      if (values[i] === ENDED) return;
      const at = month.timeOf(target, scrape);
      mark(isIn(gone, at) ? (gone.find(({ from, to }) => from <= at && at < to)?.to ?? at) : at);
    });
  }
}

/** @returns the evaluations at which a source caught up in the last piece. */
function whileCatchingUp(steps: number, month: ScrapedMonth, grid: Evaluations): Uint8Array {
  const { startMs, endMs, intervalMs } = grid;
  const marks = new Uint8Array(steps);
  for (const { labels, target, scrapes, values } of month.book.series) {
    if (!labels.some(([name, value]) => name === '__name__' && value === 'fleetlens_source_catching_up')) continue;
    scrapes.forEach((scrape, i) => {
      if (values[i] === ENDED || values[i] === 0) return;
      const next = scrapes[i + 1];
      const until = (next === undefined ? endMs : month.timeOf(target, next)) + durationMs(PIECE);
      const place = (ms: number) => Math.floor((ms - startMs) / intervalMs);
      marks.fill(1, Math.max(0, place(month.timeOf(target, scrape))), Math.min(steps, place(until) + 2));
    });
  }
  return marks;
}

function leaveOnly(marks: Uint8Array, others: Uint8Array): void {
  marks.forEach((mark, step) => {
    marks[step] = mark & (others[step] as number);
  });
}

/** @returns how far back an expression looks at a series, milliseconds; undefined: it does not. */
function looksBack(expr: string, series: string): number | undefined {
  const found = [
    ...expr.matchAll(
      new RegExp(`(?<![\\w:])${series}(?![\\w:])(?:\\{[^}]*\\})?(?:\\[(\\w+)(?::(\\w+))?\\])?(?: offset (\\w+))?`, 'g'),
    ),
  ];
  if (found.length === 0) return undefined;
  return Math.max(
    ...found.map(([, range, step, offset]) => {
      const sum = durationMs(range) + durationMs(step) + durationMs(offset);
      return sum === 0 ? 0 : sum + LOOKBACK_MS;
    }),
  );
}

function markBefore(marks: Uint8Array, readers: Uint8Array, back: number): void {
  let until = -1;
  for (let step = readers.length - 1; step >= 0; step--) {
    if (readers[step] === 1) until = Math.max(0, step - back);
    if (until >= 0 && step >= until) marks[step] = 1;
    else until = -1;
  }
}

function closeGaps(marks: Uint8Array): void {
  let last = Number.NEGATIVE_INFINITY;
  marks.forEach((mark, step) => {
    if (mark === 0) return;
    if (step - last <= JOINED_STEPS) marks.fill(1, last, step);
    last = step;
  });
}

function rangesOf(marks: Uint8Array): StepRange[] {
  const ranges: [number, number][] = [];
  marks.forEach((mark, step) => {
    if (mark === 0) return;
    const last = ranges.at(-1);
    if (last?.[1] === step - 1) last[1] = step;
    else ranges.push([step, step]);
  });
  return ranges;
}

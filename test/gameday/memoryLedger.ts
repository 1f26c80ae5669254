import type pg from 'pg';
import { type BudgetScope, WORKSPACE } from '../../exporter/src/contract/budgets.ts';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { type FamilyName, familyOf } from '../../exporter/src/contract/metricCatalogue.ts';
import { recordKey } from '../../exporter/src/contract/recordKey.ts';
import { isFinished, isOpen } from '../../exporter/src/contract/status.ts';
import { type CalendarWindow, windowAt } from '../../exporter/src/ledger/budgets/calendarWindow.ts';
import { reachedLimits } from '../../exporter/src/ledger/budgets/reachedLimits.ts';
import type { BudgetState } from '../../exporter/src/ledger/budgets/readBudgets.ts';
import { SLOT_MS } from '../../exporter/src/ledger/budgets/slot.ts';
import { CATCHING_UP_MS, HistoryTally, isLate, type Told, tell } from '../../exporter/src/ledger/historyTally.ts';
import { mergeEvent } from '../../exporter/src/ledger/mergeEvent.ts';
import { castToNano, NanoSum, toNano } from '../../exporter/src/ledger/nano.ts';
import {
  NO_CHANGE,
  type Observation,
  observe,
  type RecordState,
  takesLeast,
} from '../../exporter/src/ledger/observe/observe.ts';
import type { Spent } from '../../exporter/src/ledger/observe/recordView.ts';
import { type Evaluation, FIRST_BASELINE, fixBaseline } from '../../exporter/src/ledger/quality/baseline.ts';
import { DEFAULT_QUALITY_POLICY } from '../../exporter/src/ledger/quality/qualityPolicy.ts';
import { bucketOf } from '../../exporter/src/ledger/rollupMoves.ts';
import { type Series, SeriesRegistry } from '../../exporter/src/ledger/seriesRegistry.ts';
import { addGaps } from '../../exporter/src/ledger/sourceState.ts';
import { BUDGET_POLICY, CAPS, type EventHappening, POLLED, received, type SimulatedLedger } from './simulatedLedger.ts';
import type { Happening } from './timeline.ts';
import { SETTLE_MS } from './world.ts';

interface Rollup {
  readonly series: Series;
  readonly sum: NanoSum;
  count: number;
  readonly buckets: number[] | undefined;
  readonly bornMs: number | null;
  touchedMs: number;
  seq: number;
  readonly parts: Map<string, number>;
  resolvedTo: number;
}

interface SourceRow {
  readonly way: 'pull' | 'push';
  isLive: boolean;
  historyMs: number;
  lastEventMs: number;
  gaps: Record<string, number[]>;
  readonly letters: Set<string>;
}

/**
 * The ledger without its database. What decides is the ledger's own code: normaliseEvent, mergeEvent, observe, the registry of series,
 * baselines, limits, and the whole exposition; only what SQL keeps and adds up is kept and added up here. So a month takes seconds
 * instead of an hour. test/gameday/memoryLedger.test.ts holds it against the ledger on Postgres, scrape by scrape.
 */
export function openMemoryLedger(startMs: number): SimulatedLedger {
  let nowMs = startMs;
  let seq = 0;
  let sent = 0;
  let mismatches: number | null = null;
  const registry = new SeriesRegistry(CAPS);
  const rollups = new Map<number, Rollup>();
  const records = new Map<string, RecordState>();
  const sources = new Map<string, SourceRow>();
  const due: { readonly key: string; readonly source: string; readonly at: number }[] = [];
  const usageOfRun = new Map<string, { cost?: number; tokens: number }>();
  const evaluations = new Map<string, Evaluation[]>();
  const tally = new HistoryTally();
  const told: Told = new Map();
  const money = new Budgets(records, () => nowMs);

  function of(series: Series): Rollup {
    const known = rollups.get(series.id);
    if (known !== undefined) return known;
    const { type, buckets } = familyOf(series.family);
    const isHidden = sources.get(series.labels[0] as string)?.isLive === false;
    const rollup: Rollup = {
      series,
      sum: new NanoSum(),
      count: 0,
      buckets: buckets && new Array(buckets.length + 1).fill(0),
      bornMs: type !== 'gauge' && !isHidden ? nowMs : null,
      touchedMs: nowMs,
      seq,
      parts: new Map(),
      resolvedTo: Number.NEGATIVE_INFINITY,
    };
    rollups.set(series.id, rollup);
    return rollup;
  }

  function resolve(family: FamilyName, labels: readonly string[]): Rollup {
    const series = registry.resolve(family, labels);
    const { created, folded } = registry.takeNew();
    for (const fresh of created) of(fresh);
    for (const one of folded) count('fleetlens_series_folded_total', [one]);
    return of(series);
  }

  function touch(rollup: Rollup): Rollup {
    rollup.touchedMs = nowMs;
    rollup.seq = seq;
    return rollup;
  }

  function count(family: FamilyName, labels: readonly string[]): void {
    touch(resolve(family, labels)).sum.add(1);
  }

  function add(owner: string, source: string, observation: Observation): void {
    for (const { family, labels } of observation.births) resolve(family, labels);
    // What is kept with a record as counted names its series, also where nothing moved yet: the base of a total.
    for (const { family, labels } of observation.counted) resolve(family, labels);
    for (const { family, labels, value, spent } of observation.moves) {
      if (spent !== undefined) money.spend(source, spent, value);
      const rollup = touch(resolve(family, labels));
      rollup.sum.add(value);
      const { type, buckets } = familyOf(family);
      if (type === 'counter') continue;
      rollup.count += 1;
      if (rollup.buckets === undefined) continue;
      const bucket = bucketOf(buckets ?? [], value);
      rollup.buckets[bucket] = (rollup.buckets[bucket] ?? 0) + 1;
    }
    for (const [parts, sign] of [
      [observation.ended, -1],
      [observation.begun, 1],
    ] as const) {
      for (const { family, labels, value } of parts) {
        const rollup = touch(resolve(family, labels));
        if (!takesLeast(family)) {
          rollup.sum.add(sign * value);
          rollup.count += sign;
        } else if (sign === 1) rollup.parts.set(owner, value);
        else rollup.parts.delete(owner);
      }
    }
    for (const { family, labels, value } of observation.resolves) {
      const rollup = touch(resolve(family, labels));
      rollup.resolvedTo = Math.max(rollup.resolvedTo, value);
    }
    for (const family of observation.corrections) count('fleetlens_corrections_total', [family]);
  }

  function record(event: NormalisedEvent): void {
    const { kind, source } = event;
    const key = `${kind}\0${source}\0${event.key}`;
    const before = records.get(key);
    const merged = mergeEvent(before, event);
    if (!merged.changed) return;
    const observation = observe(kind, before, merged, { costFrom: 'usage' });
    records.set(key, { doc: merged.doc, stamps: merged.stamps, counted: observation.counted, held: observation.held });
    add(key, source, observation);
    noteTold(source, isLate(kind, event.at, observation, nowMs));
    const { doc } = merged;
    if (kind === 'usage' && typeof doc.runId === 'string') {
      const run = `run\0${source}\0${recordKey('run', { runId: doc.runId })}`;
      const sums = usageOfRun.get(run) ?? { tokens: 0 };
      if (typeof doc.costUsd === 'number') sums.cost = (sums.cost ?? 0) + doc.costUsd;
      sums.tokens += Number(doc.inputTokens ?? 0) + Number(doc.outputTokens ?? 0);
      usageOfRun.set(run, sums);
    }
    if (kind !== 'run') return;
    money.runChanged(source, String(doc.runId));
    if (isFinished(doc.status as string | undefined) && !isFinished(before?.doc.status as string | undefined)) {
      const heardMs = sources.get(source)?.isLive === false ? 0 : nowMs;
      due.push({ key, source, at: Math.max(Date.parse(String(doc.finishedAt)), heardMs) + SETTLE_MS });
    }
    const scored = observation.moves.find(({ family }) => family === 'fleet_quality_score');
    if (scored !== undefined) evaluate(source, doc, scored.value);
  }

  function evaluate(source: string, doc: RecordState['doc'], composite: number): void {
    const labels = [source, String(doc.project ?? ''), String(doc.workflow ?? '')];
    const scope = labels.join('\0');
    const known = evaluations.get(scope) ?? [];
    known.push({ runId: String(doc.runId), attempt: 1, at: String(doc.finishedAt), composite });
    evaluations.set(scope, known);
    if (known.length !== DEFAULT_QUALITY_POLICY.baselineRuns) return;
    const fixed = fixBaseline(FIRST_BASELINE, known, DEFAULT_QUALITY_POLICY);
    if (fixed === undefined) return;
    const begun = [{ family: 'fleet_quality_baseline_score' as const, labels, value: fixed.score }];
    const births = [{ family: 'fleet_quality_regressions_total' as const, labels }];
    add(`baseline\0${scope}`, source, { ...NO_CHANGE, begun, births });
  }

  function settleDue(): void {
    for (let i = due.length - 1; i >= 0; i--) {
      const { key, source, at } = due[i] as (typeof due)[number];
      const state = records.get(key);
      if (at > nowMs || state === undefined) continue;
      due.splice(i, 1);
      const sums = usageOfRun.get(key);
      const observation = observe('run', state, state, {
        costFrom: 'usage',
        settled: {
          ...(sums?.cost === undefined ? {} : { usageCostUsd: sums.cost }),
          ...(sums === undefined ? {} : { usageTokens: sums.tokens }),
        },
      });
      records.set(key, { ...state, counted: observation.counted, held: observation.held });
      add(key, source, observation);
      noteTold(source, isLate('run', String(state.doc.finishedAt), observation, nowMs - SETTLE_MS));
    }
  }

  function noteTold(source: string, late: boolean | undefined): void {
    if (late !== undefined && sources.get(source)?.isLive === true) tell(told, source, late);
  }

  function noteHistory(): void {
    for (const source of tally.add(told, nowMs)) {
      const row = sources.get(source);
      if (row !== undefined) row.historyMs = nowMs;
    }
    told.clear();
  }

  function heard(source: string, events: readonly EventHappening[]): void {
    const times = events.map(({ saidAt }) => saidAt);
    const newestMs = Math.max(...times);
    const known = sources.get(source);
    if (POLLED.has(source)) {
      // Only the first reading is the poller's own here; what comes later says nothing of its state.
      if (known === undefined)
        sources.set(source, {
          way: 'pull',
          isLive: false,
          historyMs: Number.NEGATIVE_INFINITY,
          lastEventMs: Math.min(newestMs, nowMs),
          gaps: {},
          letters: new Set(),
        });
      return;
    }
    const row = known ?? {
      way: 'push',
      isLive: true,
      historyMs: Number.NEGATIVE_INFINITY,
      lastEventMs: 0,
      gaps: {},
      letters: new Set(),
    };
    row.gaps = addGaps(row.gaps, row.lastEventMs === 0 ? undefined : row.lastEventMs, times, nowMs);
    row.lastEventMs = Math.max(row.lastEventMs, Math.min(newestMs, nowMs));
    sources.set(source, row);
  }

  function rollupRow(rollup: Rollup, maxId: number): unknown[] {
    const { series, sum, buckets, bornMs, touchedMs, parts, resolvedTo } = rollup;
    let value = Number(sum.total());
    let { count } = rollup;
    if (takesLeast(series.family)) {
      const least = Math.min(...[...parts.values()].filter((part) => part > resolvedTo));
      count = Number.isFinite(least) ? 1 : 0;
      value = count === 1 ? Number(castToNano(least)) : 0;
    }
    const isNew = series.id > maxId;
    return [
      ...[series.id, value, count, buckets ?? null, null, null, bornMs, touchedMs],
      ...[isNew ? series.family : null, isNew ? series.labels : null],
    ];
  }

  /** The two statements of the exposition (RollupSnapshot). */
  async function query({
    name,
    values = [],
  }: {
    name: string;
    values?: readonly number[];
  }): Promise<{ rows: object[] }> {
    if (name === 'snapshot_sources') {
      return {
        rows: [...sources].map(([source, row]) => ({
          source,
          way: row.way,
          live: row.isLive,
          last_event_at: row.lastEventMs === 0 ? null : new Date(row.lastEventMs),
          gaps: row.way === 'push' ? row.gaps : null,
          letters: String(row.letters.size),
        })),
      };
    }
    if (name !== 'snapshot_changes')
      throw new Error(`gameday: found a statement ${name}, expected one of the exposition`);
    const [since = -1, maxId = 0] = values;
    const changed = [...rollups.values()].filter((r) => r.seq > since).sort((a, b) => a.series.id - b.series.id);
    const page = changed.length === 0 ? null : JSON.stringify(changed.map((r) => rollupRow(r, maxId)));
    const history = [...sources].flatMap(([source, { historyMs }]) =>
      historyMs > nowMs - CATCHING_UP_MS ? [source] : [],
    );
    return { rows: [{ seq: String(seq), now_ms: nowMs, mismatches, ledger_id: 'memory', rollups: page, history }] };
  }

  return {
    pool: { query } as unknown as pg.Pool,
    async setClock(ms) {
      nowMs = ms;
    },
    async apply(happenings) {
      seq += 1;
      const events = happenings.filter((happening) => happening.what === 'event');
      for (const [source, ofSource] of Map.groupBy(events, (event) => event.source)) heard(source, ofSource);
      // As the ledger does it: what a polled source brings with its first reading comes before the rest.
      const isFirst = (event: EventHappening) =>
        POLLED.has(event.source) && sources.get(event.source)?.isLive === false;
      for (const event of [...events.filter(isFirst), ...events.filter((e) => !isFirst(e))])
        record(received(event, `gameday-${sent++}`, nowMs));
      noteHistory();
      money.notice();
      for (const happening of happenings) applyOther(happening);
      settleDue();
      noteHistory();
      for (const row of sources.values()) row.isLive = true;
    },
    async readBudgets() {
      return money.states();
    },
    async close() {},
  };

  function applyOther(happening: Happening): void {
    if (happening.what === 'acknowledge') money.acknowledge(happening.scope, happening.subject);
    else if (happening.what === 'verified') mismatches = happening.mismatches;
    else if (happening.what === 'deadLetters') {
      const letters = sources.get(happening.source)?.letters;
      if (happening.count === 0) letters?.clear();
      for (let i = 0; i < happening.count; i++) letters?.add(`${happening.at} ${i}`);
    }
  }
}

/** What the ledger's tables of money hold. */
class Budgets {
  readonly #records: ReadonlyMap<string, RecordState>;
  readonly #now: () => number;
  /** Spent by window and subject. */
  readonly #spent = new Map<string, bigint>();
  readonly #projects = new Set<string>();
  readonly #runs = new Map<string, RunMoney>();
  readonly #openRuns = new Set<RunMoney>();
  readonly #changed = new Set<RunMoney>();
  readonly #noticed = new Map<string, bigint>();
  readonly #pauses = new Map<string, { isPaused: boolean }>();
  #open: { readonly slot: number; readonly day: CalendarWindow; readonly month: CalendarWindow } | undefined;

  constructor(records: ReadonlyMap<string, RecordState>, now: () => number) {
    this.#records = records;
    this.#now = now;
  }

  spend(source: string, { slot, project, persona, runId }: Spent, usd: number): void {
    const nano = toNano(usd);
    const atMs = slot * SLOT_MS;
    this.#projects.add(project);
    const day = windowAt('day', atMs, BUDGET_POLICY.timeZone);
    const month = windowAt('month', atMs, BUDGET_POLICY.timeZone);
    for (const key of [keyOf('repo_daily', project, day), keyOf('workspace_monthly', WORKSPACE, month)])
      this.#spent.set(key, (this.#spent.get(key) ?? 0n) + nano);
    if (runId === '') return;
    const key = `${source}\0${runId}`;
    const run = this.#runs.get(key) ?? { persona, spent: 0n, noticed: undefined };
    run.spent += nano;
    this.#runs.set(key, run);
    this.runChanged(source, runId);
  }

  runChanged(source: string, runId: string): void {
    const run = this.#runs.get(`${source}\0${runId}`);
    if (run === undefined) return;
    this.#changed.add(run);
    const doc = this.#records.get(`run\0${source}\0${runId}`)?.doc;
    if (doc === undefined) return;
    if (isOpen(doc.status as string | undefined)) this.#openRuns.add(run);
    else this.#openRuns.delete(run);
    if (typeof doc.persona === 'string') run.persona = doc.persona;
  }

  /** Pauses what has reached its limit. */
  notice(): void {
    for (const { scope, subject, spent = 0n, window } of this.#windows()) {
      const key = keyOf(scope, subject, window);
      const [limit] = reachedLimits([{ scope, subject, spent, ...noticedOf(this.#noticed.get(key)) }], BUDGET_POLICY);
      if (limit === undefined) continue;
      this.#noticed.set(key, limit.cap);
      this.#pauses.set(keyOf(scope, subject), { isPaused: true });
    }
    for (const run of this.#changed) {
      const { persona, spent, noticed } = run;
      if (persona === '') continue;
      const now = { scope: 'persona_run' as const, subject: persona, spent, ...noticedOf(noticed) };
      const [limit] = reachedLimits([now], BUDGET_POLICY);
      if (limit === undefined) continue;
      run.noticed = limit.cap;
      this.#pauses.set(keyOf('persona_run', persona), { isPaused: true });
    }
    this.#changed.clear();
  }

  acknowledge(scope: BudgetScope, subject: string): void {
    const pause = this.#pauses.get(keyOf(scope, subject));
    if (pause !== undefined) pause.isPaused = false;
  }

  states(): BudgetState[] {
    const dearest = new Map<string, bigint>();
    for (const { persona, spent } of this.#openRuns)
      if (persona !== '' && spent > (dearest.get(persona) ?? -1n)) dearest.set(persona, spent);
    const prefix = keyOf('persona_run', '');
    const paused = [...this.#pauses].flatMap(([key, { isPaused }]) =>
      isPaused && key.startsWith(prefix) ? [key.slice(prefix.length)] : [],
    );
    const personas = [...new Set([...dearest.keys(), ...paused])].sort();
    return [
      ...this.#windows(),
      ...personas.map((persona) => this.#state('persona_run', persona, dearest.get(persona), undefined)),
    ];
  }

  #windows(): BudgetState[] {
    const nowMs = this.#now();
    const slot = Math.floor(nowMs / SLOT_MS);
    if (this.#open?.slot !== slot) {
      const [day, month] = (['day', 'month'] as const).map((unit) => windowAt(unit, nowMs, BUDGET_POLICY.timeZone));
      this.#open = { slot, day: day as CalendarWindow, month: month as CalendarWindow };
    }
    const { day, month } = this.#open;
    const spent = (scope: BudgetScope, subject: string, window: CalendarWindow) =>
      this.#state(scope, subject, this.#spent.get(keyOf(scope, subject, window)) ?? 0n, window);
    return [
      spent('workspace_monthly', WORKSPACE, month),
      ...[...this.#projects].sort().map((project) => spent('repo_daily', project, day)),
    ];
  }

  #state(
    scope: BudgetScope,
    subject: string,
    spent: bigint | undefined,
    window: CalendarWindow | undefined,
  ): BudgetState {
    const cap = BUDGET_POLICY.limits.get(scope) ?? 0n;
    const pause = this.#pauses.get(keyOf(scope, subject));
    const rest = {
      until: undefined,
      acknowledgedAt: undefined,
      acknowledgedBy: undefined,
      reason: undefined,
      run: undefined,
    };
    return {
      ...{ scope, subject, configured: cap, raised: undefined, cap, spent, window, run: undefined, rate: undefined },
      pause: pause && { isPaused: pause.isPaused, since: new Date(0), ...rest },
    };
  }
}

interface RunMoney {
  persona: string;
  spent: bigint;
  noticed: bigint | undefined;
}

function noticedOf(noticed: bigint | undefined): { noticed?: bigint } {
  return noticed === undefined ? {} : { noticed };
}

function keyOf(scope: BudgetScope, subject: string, window?: CalendarWindow): string {
  return `${scope}\0${subject}${window === undefined ? '' : `\0${window.starts}`}`;
}

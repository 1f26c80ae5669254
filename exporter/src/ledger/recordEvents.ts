import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import type { NormalisedEvent } from '../contract/events.ts';
import { definitionOf, type Kind } from '../contract/records.ts';
import { isFinished, isOpen } from '../contract/status.ts';
import { type Addition, addToRun } from './addToRun.ts';
import { allStatements } from './allStatements.ts';
import { jsonbArray, textArray, timestamptzArray } from './binaryArrays.ts';
import type { BudgetPolicy } from './budgets/budgetPolicy.ts';
import { stableJson } from './dedupeEvents.ts';
import { isLate } from './historyTally.ts';
import { type Doc, type MergeResult, mergeEvent, stampOf } from './mergeEvent.ts';
import type { NewRecordGuess } from './newRecordGuess.ts';
import { lateFields, splitKey } from './observe/attempts.ts';
import { type ObserveContext, observe, type RecordState } from './observe/observe.ts';
import { noteEvaluation } from './quality/noteEvaluation.ts';
import type { QualityPolicy } from './quality/qualityPolicy.ts';
import { isPruned, readTombstones } from './retention/isPruned.ts';
import type { RollupMoves } from './rollupMoves.ts';
import type { SourceState } from './sourceState.ts';
import type { WorkingRecord, WorkingSet } from './workingSet.ts';
import { writeDeadLetters } from './writeDeadLetters.ts';

/** What decides how records are counted; the same on every replica of a ledger. */
export interface LedgerPolicy {
  costFrom(source: string): 'usage' | 'run';
  /** A run without an event for so long is lost. */
  readonly lostAfterMs: number;
  /** Late usage of a finished run is waited for so long. */
  readonly settleAfterMs: number;
  /** Ids of pushed events are remembered so long; older events are refused. */
  readonly dedupeWindowMs: number;
  /** In which a source writes its days; IANA name, default UTC. */
  timeZone?(source: string): string | undefined;
  /** Absent: none are set. */
  readonly budgets?: BudgetPolicy | undefined;
  /** Absent: the default. */
  readonly quality?: QualityPolicy | undefined;
}

export interface RecordingContext {
  readonly client: ClientBase;
  readonly working: WorkingSet;
  readonly moves: RollupMoves;
  readonly policy: LedgerPolicy;
  readonly states: ReadonlyMap<string, SourceState>;
  /** Sources whose backfill is under way. */
  readonly hidden: ReadonlySet<string>;
  readonly hasTombstones: boolean;
  readonly nowMs: number;
  /** Which kinds to take for new; learns what was found. Absent: every record is looked for. */
  readonly guess?: NewRecordGuess | undefined;
  /** Takes what live sources count, and whether it happened long ago; absent: nobody asks. */
  readonly tell?: ((source: string, late: boolean) => void) | undefined;
  /** Called now and then while events are applied, so that what is finished can be written meanwhile. */
  readonly writeAhead?: (() => void) | undefined;
}

/** Events merged at a time. So many pushed ones are a transaction of their own, so that the writer lock is given up between them. */
export const MAX_BATCH = 2_000;

/** Events that are applied between two calls of {@link RecordingContext.writeAhead}: some milliseconds. */
const APPLIED_AT_ONCE = 128;

/** Why an event was not recorded: it contradicts an entry of the audit trail, which is only added to. */
export const CONTRADICTS_AUDIT =
  'auditId: found another entry under an id that the ledger has already; the first stands, for the audit trail is only added to';

/** A record that was taken for new has to be looked for: whether it exists decides what becomes of the event. */
export class MustLook extends Error {
  override readonly name = 'MustLook';
  readonly kind: Kind;

  constructor(kind: Kind) {
    super(`ledger: records of kind ${kind} have to be looked for`);
    this.kind = kind;
  }
}

export type EventToRecord = NormalisedEvent & {
  /** Pulled only: hash of what the source said, so that an unchanged row is no event. */
  readonly pulled?: string;
  /** Pulled only: when it happened by what the source says, RFC 3339 or a day. The start of the poll says nothing. */
  readonly pulledTime?: string | undefined;
  /** Another source than the run's own says it. */
  readonly addition?: Addition;
};

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * Merges events into the working set, in order, and adds what each moves. Nothing is written yet.
 * Events of pruned records are passed over: they were counted long ago.
 * @returns the events that contradict an entry of the audit trail, which stays as it is; they are kept aside.
 */
export async function recordEvents(
  events: readonly EventToRecord[],
  context: RecordingContext,
): Promise<readonly EventToRecord[]> {
  const [pruned] = await allStatements([
    context.hasTombstones ? readTombstones(context.client, events) : new Set<string>(),
    loadRecords(events, context),
  ]);
  return await applyEvents(events, pruned, context);
}

/** Runs that were pruned, as `source NUL run`. */
type PrunedRuns = ReadonlySet<string>;

/** The first half of {@link recordEvents}: reads what the events touch. All statements are issued before it returns. */
export async function loadRecords(
  events: readonly EventToRecord[],
  { working, guess }: Pick<RecordingContext, 'working' | 'guess'>,
): Promise<void> {
  const byKind: Map<Kind, { readonly source: string; readonly key: string }[]> = Map.groupBy(
    events,
    (event) => event.kind,
  );
  const runsOfSteps = events.flatMap(({ kind, source, fields }) =>
    kind === 'step' ? [{ source, key: fields.runId as string }] : [],
  );
  if (runsOfSteps.length > 0 && guess?.expectsNew('run') !== true)
    byKind.set('run', [...(byKind.get('run') ?? []), ...runsOfSteps]);
  await allStatements([
    ...[...byKind].map(async ([kind, ofKind]) => {
      const found = await working.load(kind, ofKind, guess?.expectsNew(kind));
      if (found !== undefined) guess?.learn(kind, found);
    }),
    working.load('run', runsOfSteps),
  ]);
}

/** The second half of {@link recordEvents}: most of it is computed here, while the database is free for other statements. */
export async function applyEvents(
  events: readonly EventToRecord[],
  pruned: PrunedRuns,
  context: RecordingContext,
): Promise<readonly EventToRecord[]> {
  const { working } = context;
  const born: WorkingRecord[] = [];
  const contradicting: EventToRecord[] = [];
  for (const [index, said] of events.entries()) {
    if (index > 0 && index % APPLIED_AT_ONCE === 0) context.writeAhead?.();
    const record = working.get(said.kind, said.source, said.key);
    if (said.pulled !== undefined && record.pulled === said.pulled) continue;
    const event = said.addition === undefined ? said : whatItAdds(record, { ...said, addition: said.addition });
    if (event === undefined) continue;
    if (record.state === undefined && isPruned(event, pruned, context.states)) {
      if (!record.looked) throw new MustLook(event.kind);
      continue;
    }
    if (event.kind === 'audit' && record.state !== undefined) {
      if (contradictsRecord(record.state, event)) contradicting.push(said);
      continue;
    }
    const isNewRun = event.kind === 'run' && record.state === undefined;
    applyEvent(record, event, context);
    if (isNewRun) born.push(record);
  }
  for (const step of await working.loadWaitingSteps(born.filter((r) => !r.existed))) observeWaitingStep(step, context);
  await writeSamples(events, context);
  await keepContradictions(contradicting, context);
  return contradicting;
}

function contradictsRecord({ doc }: RecordState, { fields }: EventToRecord): boolean {
  const before = mergeEvent(undefined, { source: doc.source, at: '', id: '', fields }).doc;
  return Object.keys(before).some((field) => !isDeepStrictEqual(before[field], doc[field]));
}

/** What contradicts the audit trail is counted once, and a person can look at it. */
async function keepContradictions(
  events: readonly EventToRecord[],
  { client, moves }: RecordingContext,
): Promise<void> {
  if (events.length === 0) return;
  const kept = await writeDeadLetters(
    client,
    events.map(({ source, kind, id, fields }) => ({
      source,
      kind,
      eventId: id,
      reason: CONTRADICTS_AUDIT,
      payload: stableJson(fields),
    })),
  );
  if (kept > 0) moves.count('fleetlens_corrections_total', ['fleet_audit_events_total'], kept);
}

/** @returns undefined where the run is not there (yet, or any more), or says it already. */
function whatItAdds(
  record: WorkingRecord,
  event: EventToRecord & { readonly addition: Addition },
): EventToRecord | undefined {
  if (record.state !== undefined) return addToRun(record.state, event);
  if (!record.looked) throw new MustLook(event.kind);
  return undefined;
}

function applyEvent(record: WorkingRecord, event: EventToRecord, context: RecordingContext): void {
  const merged = mergeEvent(record.state, event);
  if (event.pulled !== undefined && record.pulled !== event.pulled) {
    record.pulled = event.pulled;
    record.dirty = true;
  }
  if (!merged.changed && merged.late.length === 0) return;
  // That GitHub still answers for its pull request is no sign of life of a run.
  if (event.addition === undefined && event.at > record.at) record.at = event.at;

  const late = lateFields(event.kind, merged, event, merged.late);
  const costFrom = context.policy.costFrom(event.source);
  const run = event.kind === 'step' ? runOf(record, context) : undefined;
  if (event.kind === 'step') {
    if (run === undefined) {
      keepWaiting(record, merged, late, context);
      return;
    }
    // Its run came in this very transaction: what the step said until now is counted before what it says now.
    observeWaitingStep(record, context);
  }
  const before = record.state;
  const observation = observe(event.kind, before, merged, {
    costFrom,
    timeZone: context.policy.timeZone?.(event.source),
    run,
    ...(late === undefined ? {} : { late }),
  });
  context.moves.add(record, observation);
  if (context.tell !== undefined && !context.hidden.has(event.source)) {
    const isOld = isLate(event.kind, event.at, observation, context.nowMs);
    if (isOld !== undefined) context.tell(event.source, isOld);
  }
  record.state = { doc: merged.doc, stamps: merged.stamps, counted: observation.counted, held: observation.held };
  if (event.kind === 'usage' && typeof before?.doc.runId === 'string' && before.doc.runId !== record.state.doc.runId) {
    record.leftRun ??= before.doc.runId;
  }
  // A late event moves what this version counts and an older one did not.
  if (merged.changed || observation.moves.length > 0) record.dirty = true;
  if (event.kind === 'run') {
    noteEvaluation(record, observation, attemptOf(record.state), context.moves.quality);
    record.dueAt = runDueAt(record, context.policy, context.hidden.has(event.source) ? 0 : context.nowMs);
  }
}

/** A step that came before its run is counted when the run comes; of what it says until then, the last word is counted. */
function keepWaiting(
  step: WorkingRecord,
  merged: MergeResult,
  late: Readonly<Record<string, unknown>> | undefined,
  context: RecordingContext,
): void {
  const { state: before } = step;
  const costFrom = context.policy.costFrom(step.source);
  if (before !== undefined) {
    const would = observe('step', undefined, before, { costFrom, run: {} });
    const is = observe('step', { ...before, counted: would.counted }, merged, {
      costFrom,
      run: {},
      ...(late === undefined ? {} : { late }),
    });
    // A finished attempt that another one replaces before the run comes is lost to the counters.
    const next = observe('step', undefined, merged, { costFrom, run: {} }).counted;
    const lost = would.counted.filter(
      ({ family, key }) =>
        !next.some((n) => n.family === family && n.key === key) &&
        !is.counted.some(
          (c) => c.carried !== undefined && c.family === family && splitKey(c.key).stem === splitKey(key).stem,
        ),
    );
    for (const family of new Set([...is.corrections, ...lost.map((c) => c.family)]))
      context.moves.count('fleetlens_corrections_total', [family]);
  }
  step.state = {
    doc: merged.doc,
    stamps: merged.stamps,
    counted: before?.counted ?? [],
    held: before?.held ?? [],
  };
  step.dueAt ??= new Date(context.nowMs + context.policy.settleAfterMs).toISOString();
  if (merged.changed) step.dirty = true;
}

/** What a step takes from its run; undefined while the run is not known. */
function runOf(step: WorkingRecord, { working }: RecordingContext): ObserveContext['run'] {
  const runId = step.key.split('\u001f', 1)[0] as string;
  const { state } = working.get('run', step.source, runId);
  return state === undefined ? undefined : labelsOfRun(state.doc);
}

function labelsOfRun(doc: Doc): NonNullable<ObserveContext['run']> {
  const project = text(doc.project);
  const workflow = text(doc.workflow);
  return { ...(project === undefined ? {} : { project }), ...(workflow === undefined ? {} : { workflow }) };
}

/** Counts a step whose run has come, or does not come. */
export function observeWaitingStep(step: WorkingRecord, context: RecordingContext): void {
  const { state } = step;
  if (state === undefined || step.dueAt === null) return;
  const observation = observe('step', state, state, {
    costFrom: context.policy.costFrom(step.source),
    run: runOf(step, context) ?? {},
  });
  context.moves.add(step, observation);
  step.state = { ...state, counted: observation.counted, held: observation.held };
  step.dueAt = null;
  step.dirty = true;
}

export function attemptOf(state: RecordState): number {
  return Math.max(1, typeof state.doc.attempts === 'number' ? state.doc.attempts : 1);
}

/**
 * When to look at a run again: an open one for silence, a finished one for its late usage.
 * @param heardMs when its end was heard of; what is told late (after an outage) has late usage on its way too
 */
export function runDueAt(run: WorkingRecord, policy: LedgerPolicy, heardMs = 0): string | null {
  const { state } = run;
  if (state === undefined) return null;
  const status = text(state.doc.status);
  // Somebody decides about a waiting run: silence is no sign of loss.
  if (status === 'waiting') return null;
  if (isOpen(status)) return new Date(Date.parse(run.at) + policy.lostAfterMs).toISOString();
  if (!isFinished(status) || run.settled === attemptOf(state)) return null;
  const finishedAt = text(state.doc.finishedAt) ?? stampOf(state, 'status')?.[0] ?? run.at;
  return new Date(Math.max(Date.parse(finishedAt), heardMs) + policy.settleAfterMs).toISOString();
}

/** Keeps readings over time of kinds whose record is only the latest one. */
async function writeSamples(events: readonly NormalisedEvent[], { client }: RecordingContext): Promise<void> {
  const samples = events.filter((event) => definitionOf(event.kind).sample);
  if (samples.length === 0) return;
  await client.query({
    name: 'sample_write',
    text: `insert into fleetlens.sample (kind, source, key, at, doc)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[]) on conflict do nothing`,
    values: [
      textArray(samples.map((s) => s.kind)),
      textArray(samples.map((s) => s.source)),
      textArray(samples.map((s) => s.key)),
      timestamptzArray(samples.map((s) => s.at)),
      jsonbArray(samples.map((s) => JSON.stringify(s.fields))),
    ],
  });
}
